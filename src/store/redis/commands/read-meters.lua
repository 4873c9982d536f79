-- What is used and held of meters now.
-- KEYS: 1 what their names begin with
-- ARGV: 1 meters
-- Returns: used and held of each, in their order
local now = time()
local result = {}
for _, meter in ipairs(parse_meters(ARGV[1])) do
  load_meter(KEYS[1], meter, now)
  result[#result + 1] = text(meter.per_minute and taken(meter, now) or meter.used)
  result[#result + 1] = text(meter.per_minute and 0 or meter.held)
end
return result
