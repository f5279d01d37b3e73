-- Give the lock back and leave the project; also where the lease has run out unnoticed.
-- KEYS lock agents heartbeats ready beats | ARGV fence member
-- Answers 1 given back, 0 there was nothing of ours to give back.
local fence = redis.call('HGET', KEYS[1], 'fence')
if fence and fence ~= ARGV[1] then return 0 end
redis.call('SREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[2])
redis.call('ZREM', KEYS[5], ARGV[2])
return redis.call('DEL', KEYS[1])
