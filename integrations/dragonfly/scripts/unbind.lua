-- Say that no process lives by the lock any more: the owner's next attempt may have it at once.
-- KEYS lock beats | ARGV fence member
-- Answers 1 unbound, 0 there was nothing of ours to unbind.
local fence = redis.call('HGET', KEYS[1], 'fence')
if fence and fence ~= ARGV[1] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[2])
if not fence then return 0 end
return redis.call('HDEL', KEYS[1], 'bound')
