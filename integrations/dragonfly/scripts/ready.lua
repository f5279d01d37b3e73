-- Which members of a project are alive and ready for the objective? Reads only.
-- KEYS agents heartbeats ready | ARGV max_age_ms objective
-- Answers {ready, all, names never heard of, names gone silent, names behind the objective}.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local oldest = now - tonumber(ARGV[1])
local ready, all, unheard, silent, behind = 0, 0, {}, {}, {}
for _, member in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  all = all + 1
  local beat = redis.call('ZSCORE', KEYS[2], member)
  if not beat then
    unheard[#unheard + 1] = member
  elseif tonumber(beat) < oldest then
    silent[#silent + 1] = member
  elseif redis.call('HGET', KEYS[3], member) ~= ARGV[2] then
    behind[#behind + 1] = member
  else
    ready = ready + 1
  end
end
return {ready, all, unheard, silent, behind}
