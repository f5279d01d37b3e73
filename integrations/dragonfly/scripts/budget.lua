-- Count an error within a sliding window; the event id makes a repeated count harmless.
-- KEYS errors tripped | ARGV event_id window_ms limit     (an empty event id only looks)
-- Answers {errors, over, first}: over 1 when there are more than limit, first 1 for the
-- event that tripped the latch, and again when that very event is counted again.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - tonumber(ARGV[2])))
if ARGV[1] ~= '' then
  redis.call('ZADD', KEYS[1], 'NX', string.format('%.0f', now), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
local errors = redis.call('ZCARD', KEYS[1])
if errors <= tonumber(ARGV[3]) then return {errors, 0, 0} end
if ARGV[1] == '' then return {errors, 1, 0} end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {errors, 1, 1} end
if redis.call('GET', KEYS[2]) == ARGV[1] then return {errors, 1, 1} end
return {errors, 1, 0}
