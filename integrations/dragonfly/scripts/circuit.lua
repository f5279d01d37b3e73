-- One circuit that all processes share. dsl/rules/health/breaker.py has the rules, in the same order.
-- KEYS circuit moves
-- ARGV act window_calls window_ms minimum failure_rate slow_rate wait wait_max permits lease, then
--   report: generation worker number calls failed slow last looks
--     last: of a window of calls, one letter each: o (good), f (failed), s (slow), b (both)
--     looks 1: asks to be the one that looks whether the system lives
--   ask:    permit
--   settle: generation permit used failed slow        (used 0: the permit is given back)
--   alive:  generation
--   order:  to given_ms
-- Answers {let, state, generation, left_ms, now_ms, looks, order, was}: let 1 when a call may go out,
-- 2 when it is a probe; left_ms -1 when nobody can say; looks 1 for the one who may look for the next
-- second; was: the state before, where it was another.
-- moves is a stream of the changes that nobody has ordered: circuit (its key), was, now, generation, at,
-- why, and how many calls or probes that was, of which failed and slow.
local BUCKETS, LOOK_MS, KEEP_MS, MOVES = 10, 1000, 60000, '1000'
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local act = ARGV[1]
local window_calls, window_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
local minimum, failure_rate, slow_rate = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local wait, wait_max = tonumber(ARGV[7]), tonumber(ARGV[8])
local permits, lease = tonumber(ARGV[9]), tonumber(ARGV[10])

local held = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do held[flat[i]] = flat[i + 1] end
local state, was = held.state or 'closed', ''
local generation, since = tonumber(held.generation or '0'), tonumber(held.since or '0')
local opens, order = tonumber(held.opens or '0'), tonumber(held.order or '0')
local let, looks = 0, 0

-- string.format, because Lua 5.4 writes 10/2 as "5.0" and Lua 5.1 loses digits above 1e14.
local function whole(number) return string.format('%.0f', number) end

local function keep()
  if state == 'forced-open' or state == 'forced-closed' then
    redis.call('PERSIST', KEYS[1])
  else
    redis.call('PEXPIRE', KEYS[1], whole(math.max(window_ms, wait_max, lease) * 4 + 86400000))
  end
end

local function change(to, opened, why, calls, failed, slow)
  was, state, opens, since = state, to, opened, now
  generation = math.max(generation + 1, now)
  redis.call('DEL', KEYS[1])
  held = {}
  redis.call('HSET', KEYS[1], 'state', state, 'generation', whole(generation), 'since', whole(now),
    'opens', whole(opens), 'order', whole(order))
  keep()
  if why == 'ordered' then return end
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', MOVES, '*', 'circuit', KEYS[1], 'was', was, 'now', to,
    'generation', whole(generation), 'at', whole(now), 'why', why, 'calls', whole(calls or 0),
    'failed', whole(failed or 0), 'slow', whole(slow or 0))
end

local function reached(failed, slow, of)
  return failed * 100 >= failure_rate * of or slow * 100 >= slow_rate * of
end

local function left()
  if state == 'forced-open' then return -1 end
  if state == 'open' then
    local doubled = wait * 2 ^ math.min(math.max(opens - 1, 0), 30)
    return math.max(0, since + math.min(doubled, wait_max) - now)
  end
  if state ~= 'half-open' then return 0 end
  local taken, soonest = 0, nil
  for field, value in pairs(held) do
    if string.sub(field, 1, 2) == 'p:' then
      local ends = tonumber(value)
      if ends == 0 or ends > now then taken = taken + 1 end
      if ends > now and (not soonest or ends < soonest) then soonest = ends end
    end
  end
  if taken < permits then return 0 end
  return (soonest or now) - now
end

local function waited()
  if state == 'open' and left() == 0 then return change('half-open', opens, 'waited') end
  if state ~= 'half-open' then return end
  local done = 0
  for field, value in pairs(held) do
    if string.sub(field, 1, 2) == 'p:' and value == '0' then done = done + 1 end
  end
  if done >= permits then  -- whose probes they were had more permits
    change('closed', 0, 'probes', done, held.failed or 0, held.slow or 0)
  end
end

local function count(calls, failed, slow, last)
  if window_calls > 0 then
    local ring = string.sub((held.ring or '') .. last, -window_calls)
    redis.call('HSET', KEYS[1], 'ring', ring)
    calls = #ring
    failed = select(2, string.gsub(ring, '[fb]', ''))
    slow = select(2, string.gsub(ring, '[sb]', ''))
  else
    local number = math.floor(now / math.floor(window_ms / BUCKETS))
    local mine, around = 'b:' .. whole(number), {0, 0, 0}
    for field, value in pairs(held) do
      if string.sub(field, 1, 2) == 'b:' then
        local of, bad, late = string.match(value, '(%d+) (%d+) (%d+)')
        if field == mine then
          calls, failed, slow = calls + of, failed + bad, slow + late
        elseif tonumber(string.sub(field, 3)) > number - BUCKETS then
          around = {around[1] + of, around[2] + bad, around[3] + late}
        else
          redis.call('HDEL', KEYS[1], field)
        end
      end
    end
    redis.call('HSET', KEYS[1], mine, whole(calls) .. ' ' .. whole(failed) .. ' ' .. whole(slow))
    calls, failed, slow = calls + around[1], failed + around[2], slow + around[3]
  end
  if calls >= minimum and reached(failed, slow, calls) then
    change('open', opens + 1, 'calls', calls, failed, slow)
  end
end

if act == 'report' then
  waited()
  local worker, number, calls = 'w:' .. ARGV[12], tonumber(ARGV[13]), tonumber(ARGV[14])
  local known = tonumber(string.match(held[worker] or '0', '^%d+'))
  if state == 'closed' and tonumber(ARGV[11]) == generation and calls > 0 and number > known then
    for field, value in pairs(held) do
      if string.sub(field, 1, 2) == 'w:'
          and tonumber(string.match(value, '%d+$')) < now - KEEP_MS then
        redis.call('HDEL', KEYS[1], field)
      end
    end
    redis.call('HSET', KEYS[1], 'state', state, 'generation', whole(generation),
      worker, whole(number) .. ' ' .. whole(now))
    count(calls, tonumber(ARGV[15]), tonumber(ARGV[16]), ARGV[17])
    keep()
  end
  if ARGV[18] == '1' and state == 'open' and tonumber(held.look or '0') <= now then
    redis.call('HSET', KEYS[1], 'look', whole(now + LOOK_MS))
    looks = 1
  end
elseif act == 'ask' then
  waited()
  local permit = 'p:' .. ARGV[11]
  if state == 'closed' or state == 'forced-closed' then
    let = 1
  elseif state == 'half-open' then
    local taken = 0
    for field, value in pairs(held) do
      if string.sub(field, 1, 2) == 'p:' then
        if tonumber(value) == 0 or tonumber(value) > now then
          taken = taken + 1
        else
          redis.call('HDEL', KEYS[1], field)
          held[field] = nil
        end
      end
    end
    if held[permit] then
      let = 2
    elseif taken < permits then
      held[permit] = whole(now + lease)
      redis.call('HSET', KEYS[1], permit, held[permit])
      let = 2
    end
  end
elseif act == 'settle' then
  local permit = 'p:' .. ARGV[12]
  local ends = tonumber(held[permit] or '0')
  if state == 'half-open' and tonumber(ARGV[11]) == generation and ends > now then
    if ARGV[13] == '0' then
      redis.call('HDEL', KEYS[1], permit)
      held[permit] = nil
    else
      held[permit] = '0'
      local failed = redis.call('HINCRBY', KEYS[1], 'failed', ARGV[14])
      local slow = redis.call('HINCRBY', KEYS[1], 'slow', ARGV[15])
      redis.call('HSET', KEYS[1], permit, '0')
      local done = 0
      for field, value in pairs(held) do
        if string.sub(field, 1, 2) == 'p:' and value == '0' then done = done + 1 end
      end
      if reached(failed, slow, permits) then
        change('open', opens + 1, 'probes', done, failed, slow)
      elseif done >= permits then
        change('closed', 0, 'probes', done, failed, slow)
      end
    end
  end
elseif act == 'alive' then
  if state == 'open' and tonumber(ARGV[11]) == generation then
    change('half-open', opens, 'alive')
  end
elseif act == 'order' then
  if tonumber(ARGV[12]) > order then
    order = tonumber(ARGV[12])
    local to = { open = 'forced-open', close = 'forced-closed', reset = 'closed' }
    change(to[ARGV[11]], 0, 'ordered')
  end
end

if let == 0 and (state == 'closed' or state == 'forced-closed') then let = 1 end
return {let, state, whole(generation), math.floor(left()), whole(now), looks, whole(order), was}
