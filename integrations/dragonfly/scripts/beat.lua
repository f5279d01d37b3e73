-- Renew the lease and give a sign of life, in one round trip; bind it, where that is asked for.
-- KEYS guard lock state agents heartbeats ready beats
-- ARGV fence ttl_ms epoch member keep_ms bind
-- Answers {code, ttl_ms}: 1 renewed, 0 the lease is lost, or claimed by the owner's next
-- attempt, -1 cold, -2 revoked or older epoch.
local guard = redis.call('HMGET', KEYS[1], 'epoch', 'revoked')
if not guard[1] then return {-1, 0} end
if guard[2] == '1' or tonumber(ARGV[3]) < tonumber(guard[1]) then return {-2, 0} end
local lock = redis.call('HMGET', KEYS[2], 'fence', 'claim', 'bound')
if lock[1] ~= ARGV[1] or lock[2] then return {0, 0} end
if ARGV[6] == '1' then redis.call('HSET', KEYS[2], 'bound', '1') end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', KEYS[5], string.format('%.0f', now), ARGV[4])
-- A process lives by it: whoever looks at all agents misses it when it falls silent.
if ARGV[6] == '1' or lock[3] then
  redis.call('ZADD', KEYS[7], string.format('%.0f', now), ARGV[4])
  redis.call('PEXPIRE', KEYS[7], ARGV[5])
end
for i = 3, 6 do redis.call('PEXPIRE', KEYS[i], ARGV[5]) end
return {1, tonumber(ARGV[2])}
