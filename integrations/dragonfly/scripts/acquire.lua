-- Take the lock, or find that the same owner already holds it; the holder joins its project. A step
-- that is named is judged before by what the owner has done last, and written into the state after.
-- KEYS guard lock agents heartbeats ready [state]
-- ARGV owner nonce ttl_ms epoch fence_floor member keep_ms begun_ms
--      [op_id step repeats after... (between spaces) field value field value ...]
-- Answers {code, fence, ttl_ms, owner}: 1 taken, 2 the same attempt again, 3 taken over by
-- the owner's next attempt, 4 claimed by it, because a process of the one before may live (its
-- fence, time left, name), 0 held by another (the same), -1 cold, -2 revoked or older epoch,
-- -3 the owner has begun a later attempt, -4 the step must not follow the owner's last (0, 0, it).
local done
if ARGV[9] then
  local state = redis.call('HMGET', KEYS[6], 'phase', 'run', 'run_id', 'did:' .. ARGV[10])
  done = ARGV[1] .. ' ' .. ARGV[9]
  local ours = (state[2] or '') .. '/' .. (state[3] or '') == ARGV[1]
  -- Under whichever id: what was held back on its way has another one the next time.
  local before = string.sub(state[4] or '', 1, #ARGV[1] + 1) == ARGV[1] .. ' '
  local again = ARGV[11] == '1' and before
  if ours and not again and string.find(ARGV[12], ' ' .. state[1] .. ' ', 1, true) then
    return {-4, '0', 0, state[1]}
  end
end

local guard = redis.call('HMGET', KEYS[1], 'fence', 'epoch', 'revoked')
if not guard[1] then return {-1, '0', 0, ''} end
if guard[3] == '1' or tonumber(ARGV[4]) < tonumber(guard[2]) then return {-2, '0', 0, guard[2]} end

local lock = redis.call('HMGET', KEYS[2], 'owner', 'nonce', 'fence', 'begun', 'bound', 'claim')
local again = lock[2] == ARGV[2]
if lock[1] then
  local left = redis.call('PTTL', KEYS[2])
  if lock[1] ~= ARGV[1] then return {0, lock[3], left, lock[1]} end
  local latest = math.max(tonumber(lock[4] or 0), tonumber(lock[6] or 0))
  if tonumber(ARGV[8]) < latest or (again and lock[6]) then return {-3, lock[3], left, lock[1]} end
  if lock[5] and not again then
    redis.call('HSET', KEYS[2], 'claim', ARGV[8])
    return {4, lock[3], left, lock[1]}
  end
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local code, fence = 1, lock[3]
if again then
  code = 2
else
  if lock[1] then code = 3 end
  -- The clock keeps fences rising where a failover has lost the counter.
  fence = string.format('%.0f', math.max(tonumber(guard[1]) + 1, tonumber(ARGV[5]) + 1, now))
  redis.call('HSET', KEYS[1], 'fence', fence)
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2],
    'owner', ARGV[1], 'nonce', ARGV[2], 'fence', fence, 'begun', ARGV[8])
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])

-- Members that died without leaving must not pile up in a project shared by many runs.
local silent = string.format('(%.0f', now - tonumber(ARGV[7]))
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', silent, 'LIMIT', 0, 100)) do
  redis.call('SREM', KEYS[3], member)
  redis.call('ZREM', KEYS[4], member)
  redis.call('HDEL', KEYS[5], member)
end
redis.call('SADD', KEYS[3], ARGV[6])
redis.call('ZADD', KEYS[4], string.format('%.0f', now), ARGV[6])
redis.call('PEXPIRE', KEYS[3], ARGV[7])
redis.call('PEXPIRE', KEYS[4], ARGV[7])
if ARGV[9] then
  local state = redis.call('HMGET', KEYS[6], 'ver', 'op')
  if state[2] ~= ARGV[9] then  -- the last one sent again changes nothing
    local write = {'HSET', KEYS[6], 'op', ARGV[9], 'fence', fence, 'did:' .. ARGV[10], done}
    write[#write + 1] = 'ver'
    write[#write + 1] = string.format('%.0f', tonumber(state[1] or 0) + 1)
    for i = 13, #ARGV do write[#write + 1] = ARGV[i] end
    redis.call((unpack or table.unpack)(write))  -- Lua 5.1 has unpack, Lua 5.4 table.unpack
    redis.call('PEXPIRE', KEYS[6], ARGV[7])
  end
end
return {code, fence, tonumber(ARGV[3]), ARGV[1]}
