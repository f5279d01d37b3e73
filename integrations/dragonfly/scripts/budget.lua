-- Keep errors of an agent; one that is known keeps its time, so counting it again is harmless.
-- KEYS errors | ARGV keep ttl_ms seed id at id at ...     (at 0: now; no id: only looks)
-- Answers {code, now, times}: code -1 when the server knows no errors and seed is not 1; times
-- are those of the newest errors kept. The member of score 0 says that the key was seeded.
if ARGV[3] ~= '1' and redis.call('EXISTS', KEYS[1]) == 0 then return {-1, 0, {}} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local keep = tonumber(ARGV[1])
if ARGV[3] == '1' then redis.call('ZADD', KEYS[1], '0', '-') end
for i = 4, #ARGV, 2 do
  local at = tonumber(ARGV[i + 1])
  if at <= 0 or at > now then at = now end
  redis.call('ZADD', KEYS[1], 'NX', string.format('%.0f', at), ARGV[i])
end
if ARGV[3] == '1' or ARGV[4] then
  redis.call('ZREMRANGEBYRANK', KEYS[1], 1, string.format('%.0f', -1 - keep))
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
local kept = redis.call('ZREVRANGE', KEYS[1], 0, string.format('%.0f', keep - 1), 'WITHSCORES')
local times = {}
for i = 2, #kept, 2 do
  local at = tonumber(kept[i])
  if at > 0 then times[#times + 1] = string.format('%.0f', at) end
end
return {1, string.format('%.0f', now), times}
