-- What the commands on accounts have in common (store/account-rules.ts says the same): put before each of them.
-- A meter is a hash of u (used), h (held), w (begin of the window, ms), t (when a bucket is full, ms). An account is a hash of
-- m (meters, a line each: name, unit, max, perMinute, window, separated by tabs), w (node that it belongs to), st (open | settled), o (1 while open),
-- s:UNIT (spent), a:UNIT (allowance), n (rows in the ledger).
local HOUR, DAY = 3600000, 86400000
local UNITS = {'turns', 'input', 'output', 'cost'}
local function num(value) return tonumber(value or '0') or 0 end
-- tostring() gives 14 digits
local function text(value) return string.format('%.17g', value) end
local function time()
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end
local function window_at(window, now)
  if window ~= 'month' then
    local length = window == 'hour' and HOUR or DAY
    local start = math.floor(now / length) * length
    return start, start + length
  end
  -- civil from days, https://howardhinnant.github.io/date_algorithms.html
  local today = math.floor(now / DAY)
  local z = today + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  local lengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
  local length = lengths[month]
  if month == 2 and (year % 4 == 0 and year % 100 ~= 0 or year % 400 == 0) then length = 29 end
  local first = today - day + 1
  return first * DAY, (first + length) * DAY
end
local function parse_meters(lines)
  local meters = {}
  for name, unit, max, per_minute, window in string.gmatch(lines, '([^\t\n]*)\t([^\t\n]*)\t([^\t\n]*)\t([^\t\n]*)\t([^\t\n]*)') do
    meters[#meters + 1] = {name = name, unit = unit, max = tonumber(max),
      per_minute = per_minute ~= '' and tonumber(per_minute) or nil, window = window ~= '' and window or nil}
  end
  return meters
end
-- Reads a meter and brings it to now.
local function load_meter(base, meter, now)
  local found = redis.call('HMGET', base .. meter.name, 'u', 'h', 'w', 't')
  meter.used, meter.held, meter.begin, meter.full_at = num(found[1]), num(found[2]), num(found[3]), num(found[4])
  if meter.window then
    local start = window_at(meter.window, now)
    if start > meter.begin or meter.begin - start > DAY then
      if start > meter.begin then meter.used = 0 end
      meter.begin = start
    end
  elseif meter.per_minute then
    local fill = meter.per_minute > 0 and meter.max / meter.per_minute * 60000 or 0
    meter.full_at = math.min(meter.full_at, now + fill)
  end
end
local function save_meter(base, meter, now)
  local key = base .. meter.name
  redis.call('HSET', key, 'u', text(meter.used), 'h', text(meter.held), 'w', text(meter.begin), 't', text(meter.full_at))
  redis.call('PEXPIRE', key, meter.per_minute and math.max(60000, math.ceil(meter.full_at - now) + 60000) or 40 * DAY)
end
local function taken(meter, now)
  if not meter.per_minute then return meter.used + meter.held end
  return math.max(0, meter.full_at - now) * meter.per_minute / 60000
end
local function share(meter, account)
  if meter.unit == 'open' then return 0, account.open end
  local spent = account.spent[meter.unit]
  return spent, math.max(0, account.allowance[meter.unit] - spent)
end
local function move(meter, from, to, now)
  local used_from, held_from = share(meter, from)
  local used_to, held_to = share(meter, to)
  if not meter.per_minute then
    meter.used = math.max(0, meter.used + used_to - used_from)
    meter.held = math.max(0, meter.held + held_to - held_from)
    return
  end
  local more = used_to + held_to - (used_from + held_from)
  if more == 0 or meter.per_minute == 0 then return end
  meter.full_at = math.max(meter.full_at, now) + more * 60000 / meter.per_minute
end
local function read_account(key)
  local found = redis.call('HMGET', key, 'm', 'st', 'o', 'n', 's:turns', 's:input', 's:output', 's:cost',
    'a:turns', 'a:input', 'a:output', 'a:cost', 'w')
  if not found[1] then return nil end
  return {owner = found[13], lines = found[1], settled = found[2] == 'settled', open = num(found[3]), rows = num(found[4]),
    spent = {turns = num(found[5]), input = num(found[6]), output = num(found[7]), cost = num(found[8])},
    allowance = {turns = num(found[9]), input = num(found[10]), output = num(found[11]), cost = num(found[12])}}
end
local function write_account(key, account)
  local s, a = account.spent, account.allowance
  redis.call('HSET', key, 'w', account.owner, 'm', account.lines, 'st', account.settled and 'settled' or 'open', 'o', account.open, 'n', account.rows,
    's:turns', text(s.turns), 's:input', text(s.input), 's:output', text(s.output), 's:cost', text(s.cost),
    'a:turns', text(a.turns), 'a:input', text(a.input), 'a:output', text(a.output), 'a:cost', text(a.cost))
  redis.call('PEXPIRE', key, account.settled and DAY or 2 * DAY)
end
