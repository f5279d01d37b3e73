-- Write what the ledger says about an agent into its guard; merges by maximum, so that an
-- older answer of the ledger undoes nothing, and a revocation wins a tie.
-- KEYS guard | ARGV fence_floor epoch revoked
-- Answers 1.
local guard = redis.call('HMGET', KEYS[1], 'fence', 'epoch', 'revoked')
local fence = math.max(tonumber(guard[1] or 0), tonumber(ARGV[1]))
local known, told = tonumber(guard[2] or 0), tonumber(ARGV[2])
local revoked = guard[3] or '0'
if not guard[2] or told > known then
  revoked = ARGV[3]
elseif told == known and ARGV[3] == '1' then
  revoked = '1'
end
-- string.format, because Lua 5.4 writes 10/2 as "5.0" and Lua 5.1 loses digits above 1e14.
redis.call('HSET', KEYS[1],
  'fence', string.format('%.0f', fence),
  'epoch', string.format('%.0f', math.max(known, told)),
  'revoked', revoked)
return 1
