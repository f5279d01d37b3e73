-- Revoke an agent, or lift its revocation, under an epoch that the authority chose.
-- KEYS guard lock revocations | ARGV agent epoch revoked reason channel
-- Answers {code, epoch}: 1 done, 0 the guard already says so or knows a later epoch,
-- -1 cold (a revocation needs no guard, lifting one does). A revocation wins a tie.
local guard = redis.call('HMGET', KEYS[1], 'epoch', 'revoked')
if not guard[1] and ARGV[3] ~= '1' then return {-1, '0'} end
local known, told = tonumber(guard[1] or -1), tonumber(ARGV[2])
if told < known then return {0, guard[1]} end
if told == known and (guard[2] == '1' or ARGV[3] ~= '1') then return {0, guard[1]} end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'revoked', ARGV[3])
redis.call('HSETNX', KEYS[1], 'fence', '0')
if ARGV[3] == '1' then redis.call('DEL', KEYS[2]) end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', '10000', '*',
  'agent', ARGV[1], 'epoch', ARGV[2], 'revoked', ARGV[3], 'reason', ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])
return {1, ARGV[2]}
