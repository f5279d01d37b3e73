-- Say that no process lives by the lock any more: the owner's next attempt may have it at once.
-- KEYS lock | ARGV fence
-- Answers 1 unbound, 0 there was nothing of ours to unbind.
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'bound')
