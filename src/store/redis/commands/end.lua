-- Ends a turn once, stores its entry at the position after its last event, and lets the next waiting turn run.
-- KEYS: 1 session, 2 queue, 3 turns, 4 entries (stream, id = position after the entry's last event)
-- ARGV: 1 turn, 2 node, 3 fingerprint, 4 status, 5 head, 6 entry (JSON), 7 position of its first event,
--   8 position before which no other unfinished turn has an event, or ''
-- Returns: {'ended', next or '', running or '', time (ms)} | {'already_ended', status, running or ''} | {'unknown'} | {'fenced'}
-- `running`: the turn that runs from now on; a turn may end while it waits for another.
-- A finished turn is stored as fingerprint, line break, 'F' and status, line break, head.
local known = redis.call('HGET', KEYS[3], ARGV[1])
if not known or redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then return {'unknown'} end
local _, _, kind, detail, place = string.find(known, '\n([UTF])([^\n]*)\n(%d*)')
if kind == 'F' then
  -- another end than this one: another node decided it, for a node that it took for dead
  if detail ~= ARGV[4] or place ~= ARGV[5] then return {'fenced'} end
  return {'already_ended', detail, redis.call('HGET', KEYS[1], 'running') or ''}
end
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[2] then return {'fenced'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('XADD', KEYS[4], ARGV[5] .. '-0', 'e', ARGV[6], 'first', ARGV[7], 'at', now, 'turn', ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3] .. '\nF' .. ARGV[4] .. '\n' .. ARGV[5])
local head = math.max(tonumber(redis.call('HGET', KEYS[1], 'head')), tonumber(ARGV[5]))
redis.call('HSET', KEYS[1], 'head', head, 'usedAt', now)
redis.call('HINCRBY', KEYS[1], 'turns', 1)
redis.call('HINCRBY', KEYS[1], 'bytes', #ARGV[6])
if ARGV[8] ~= '' and tonumber(ARGV[8]) > tonumber(redis.call('HGET', KEYS[1], 'from') or '0') then
  redis.call('HSET', KEYS[1], 'from', ARGV[8])
end
local running = redis.call('HGET', KEYS[1], 'running')
if running ~= ARGV[1] then
  redis.call('LREM', KEYS[2], 0, ARGV[1])
  return {'ended', '', running or '', now}
end
local next = redis.call('LPOP', KEYS[2])
if next then
  redis.call('HSET', KEYS[1], 'running', next)
  return {'ended', next, next, now}
end
redis.call('HDEL', KEYS[1], 'running', 'owner', 'from', 'orphaned')
return {'ended', '', '', now}
