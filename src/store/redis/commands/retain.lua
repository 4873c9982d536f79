-- Removes the oldest finished turns of a session beyond what is to be kept (store/retention-rules.ts says the same).
-- KEYS: 1 session, 2 turns, 3 entries, 4 heard
-- ARGV: 1 greatest age (ms) or '', 2 most turns or '', 3 most bytes or '', 4 turns looked at, at first
-- Returns: {first position that is left, turns removed, version of the session if any were} | false when there is no such session
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then return false end
local start = redis.call('HGET', KEYS[1], 'start') or '0'
local bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes') or '0')
local from = tonumber(redis.call('HGET', KEYS[1], 'from') or '')
local time = redis.call('TIME')
local excessTurns = ARGV[2] == '' and 0 or redis.call('XLEN', KEYS[3]) - tonumber(ARGV[2])
local excessBytes = ARGV[3] == '' and 0 or bytes - tonumber(ARGV[3])
local oldest = ARGV[1] == '' and -1 or time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])

local rows
local function isClean(count)
  local finish = rows[count].finish
  if from and finish > from then return false end
  for i = count + 1, #rows do
    if rows[i].first < finish then return false end
  end
  return true
end

local limit, count = tonumber(ARGV[4]), nil
repeat
  rows = {}
  for i, row in ipairs(redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', limit)) do
    local fields = row[2]
    rows[i] = {
      id = row[1], finish = tonumber(string.match(row[1], '^%d+')), bytes = #fields[2],
      first = tonumber(fields[4]), at = tonumber(fields[6]), turn = fields[8],
    }
  end
  -- where there are more, half of these are looked at only for where they begin
  local most = #rows < limit and #rows or math.floor(#rows / 2)
  local wanted, gone = 0, 0
  while wanted < most do
    local row = rows[wanted + 1]
    if wanted >= excessTurns and gone >= excessBytes and row.at >= oldest then break end
    wanted = wanted + 1
    gone = gone + row.bytes
  end
  count = wanted
  while count > 0 and not isClean(count) do count = count - 1 end
  local isDecided = count > 0 or wanted < most or #rows < limit
  limit = limit * 2
until isDecided
if count == 0 then return {start, 0} end

local pinned = ' ' .. (redis.call('HGET', KEYS[1], 'pinned') or '') .. ' '
local removed = 0
for i = 1, count do
  removed = removed + rows[i].bytes
  redis.call('XDEL', KEYS[3], rows[i].id)
  redis.call('HDEL', KEYS[2], rows[i].turn)
  redis.call('HDEL', KEYS[4], tostring(rows[i].finish))
  local first, last = string.find(pinned, ' ' .. rows[i].turn .. ' ', 1, true)
  if first then pinned = string.sub(pinned, 1, first) .. string.sub(pinned, last + 1) end
end
start = tostring(rows[count].finish)
redis.call('HSET', KEYS[1], 'start', start, 'bytes', bytes - removed, 'pinned', string.match(pinned, '^%s*(.-)%s*$'))
return {start, count, redis.call('HINCRBY', KEYS[1], 'version', 1)}
