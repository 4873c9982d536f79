-- One step of an account: what was spent, what it may spend, rows of the ledger; or its end.
-- KEYS: 1 account, 2 its rows (hash, attempt → row), 3 leases (sorted set, account → when it lapses), 4 ledger (what its days'
--   streams begin with), 5 days that have one (set), 6 meters (what their names begin with); all in the tenant's slot
-- ARGV: 1 account's id, 2 meters, 3-6 spent: turns, input, output, cost, 7 '1' to cover 8-11, 12 least and 13 most output beyond,
--   14 cost of each, 15 lease (ms), 16 '1' to settle, 17 '1' to take over, 18 node, then attempt and JSON of each row
-- Returns: {'foreign'} | {'settled', isNew, uses...} | {'open', isNew, allowance as four} then uses...
--   | {'refused', meter, retry after (ms) or '', uses...}; a use is name, before, after, max
local now = time()
local account = read_account(KEYS[1])
local is_new = not account
local takes_over = ARGV[17] == '1'
if account and account.settled then return {'settled', 0} end
if account and account.owner ~= ARGV[18] and not takes_over then
  if ARGV[7] ~= '1' then return {'foreign'} end
  local a = account.allowance
  return {'open', 0, text(a.turns), text(a.input), text(a.output), text(a.cost)}
end
local function none() return {turns = 0, input = 0, output = 0, cost = 0} end
if is_new then account = {owner = ARGV[18], lines = ARGV[2], settled = false, open = 0, rows = 0, spent = none(), allowance = none()} end
local settles = ARGV[16] == '1'
local function copy(of)
  local to = {owner = ARGV[18], lines = of.lines, settled = of.settled, open = of.open, rows = of.rows, spent = none(), allowance = none()}
  for _, unit in ipairs(UNITS) do to.spent[unit], to.allowance[unit] = of.spent[unit], of.allowance[unit] end
  return to
end
local after = copy(account)
for i, unit in ipairs(UNITS) do
  after.spent[unit] = settles and tonumber(ARGV[2 + i]) or math.max(account.spent[unit], tonumber(ARGV[2 + i]))
  after.allowance[unit] = settles and after.spent[unit] or math.max(account.allowance[unit], after.spent[unit])
end
if settles then after.settled, after.open = true, 0 end
local meters = parse_meters(account.lines)
local before = {}
for i, meter in ipairs(meters) do
  load_meter(KEYS[6], meter, now)
  before[i] = meter.used
  move(meter, account, after, now)
end
for i = 19, #ARGV, 2 do
  local attempt = tonumber(ARGV[i])
  if attempt > account.rows then
    local day = math.floor(now / DAY)
    redis.call('XADD', KEYS[4] .. day, '*', 'r', ARGV[i + 1])
    redis.call('SADD', KEYS[5], day)
    redis.call('HSET', KEYS[2], attempt, ARGV[i + 1])
    redis.call('PEXPIRE', KEYS[2], 2 * DAY)
    after.rows = math.max(after.rows, attempt)
  end
end
local refused, refused_wait, refused_for_ever
local final = after
if not settles and (ARGV[7] == '1' or (is_new and not takes_over)) then
  local base = none()
  for i, unit in ipairs(UNITS) do
    base[unit] = math.max(after.allowance[unit], ARGV[7] == '1' and tonumber(ARGV[7 + i]) or 0)
  end
  local least, each_cost = tonumber(ARGV[12]), tonumber(ARGV[14])
  local more = math.max(least, tonumber(ARGV[13]))
  for _, meter in ipairs(meters) do
    local room = meter.max - taken(meter, now)
    local fixed
    if meter.unit == 'open' then fixed = is_new and 1 or 0 else fixed = base[meter.unit] - after.allowance[meter.unit] end
    local each = meter.unit == 'output' and 1 or meter.unit == 'cost' and each_cost or 0
    local need = fixed + math.ceil(least * each)
    if need > 0 and need > room then
      local wait
      local _, own_held = share(meter, after)
      if need > meter.max then wait = nil
      elseif meter.window and need <= meter.max - meter.used - own_held then wait = 1000
      elseif meter.window then
        local _, finish = window_at(meter.window, math.max(now, meter.begin))
        wait = finish - now
      elseif not meter.per_minute then wait = 1000
      else wait = math.ceil((need - room) * 60000 / meter.per_minute) end
      if not refused or (not refused_for_ever and (not wait or wait > refused_wait)) then
        refused, refused_wait, refused_for_ever = meter.name, wait, not wait
      end
    elseif each > 0 then
      more = math.min(more, math.max(least, math.floor((room - fixed) / each)))
    end
  end
  if not refused then
    final = copy(after)
    if is_new then final.open = 1 end
    for _, unit in ipairs(UNITS) do final.allowance[unit] = base[unit] end
    final.allowance.output = base.output + more
    final.allowance.cost = base.cost + math.ceil(more * each_cost)
    for _, meter in ipairs(meters) do move(meter, after, final, now) end
  end
end
if not (refused and is_new) then
  for _, meter in ipairs(meters) do save_meter(KEYS[6], meter, now) end
  write_account(KEYS[1], final)
  if settles then redis.call('ZREM', KEYS[3], ARGV[1])
  else redis.call('ZADD', KEYS[3], now + tonumber(ARGV[15]), ARGV[1]) end
end
local result
if settles then result = {'settled', is_new and 1 or 0}
elseif refused then result = {'refused', refused, refused_wait and text(refused_wait) or ''}
else
  local a = final.allowance
  result = {'open', is_new and 1 or 0, text(a.turns), text(a.input), text(a.output), text(a.cost)}
end
if refused and is_new then meters = {} end
for i, meter in ipairs(meters) do
  if meter.window and meter.used ~= before[i] then
    for _, part in ipairs({meter.name, text(before[i]), text(meter.used), text(meter.max)}) do result[#result + 1] = part end
  end
end
return result
