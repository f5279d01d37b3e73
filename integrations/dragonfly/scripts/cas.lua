-- Merge fields into a state: fenced, versioned, and idempotent by operation id.
-- KEYS guard lock state ready
-- ARGV fence epoch expected_version op_id member ready keep_ms field value field value ...
-- Answers {code, version}: 1 written, 2 the same operation again, 0 another version,
-- -1 cold, -2 revoked or older epoch, -3 the lease is lost.
local guard = redis.call('HMGET', KEYS[1], 'epoch', 'revoked')
if not guard[1] then return {-1, 0} end
if guard[2] == '1' or tonumber(ARGV[2]) < tonumber(guard[1]) then return {-2, 0} end
local state = redis.call('HMGET', KEYS[3], 'ver', 'op')
local version = tonumber(state[1] or 0)
if state[2] == ARGV[4] then return {2, version} end
if redis.call('HGET', KEYS[2], 'fence') ~= ARGV[1] then return {-3, version} end
if ARGV[3] ~= '*' and tonumber(ARGV[3]) ~= version then return {0, version} end
local write = {'HSET', KEYS[3], 'op', ARGV[4], 'fence', ARGV[1]}
write[#write + 1] = 'ver'
write[#write + 1] = string.format('%.0f', version + 1)
for i = 8, #ARGV do write[#write + 1] = ARGV[i] end
-- Lua 5.1 has unpack, Lua 5.4 table.unpack.
redis.call((unpack or table.unpack)(write))
redis.call('PEXPIRE', KEYS[3], ARGV[7])
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[4], ARGV[5], ARGV[6])
  redis.call('PEXPIRE', KEYS[4], ARGV[7])
end
return {1, version + 1}
