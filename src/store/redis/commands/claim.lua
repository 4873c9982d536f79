-- Claims a turn: idempotency, base check, busy policy, place of turn.accepted (store/claim-rules.ts says the same).
-- KEYS: 1 session, 2 queue, 3 turns, 4 tombstone of the turn
-- ARGV: 1 turn, 2 fingerprint, 3 onBusy, 4 base or '', 5 live head or '', 6 longest queue, 7 record (JSON), 8 node
-- Returns: {'running', pos, tombstoned, version} | {'queued', ahead, tombstoned} | {'replacing', tombstoned, superseded...}
--   | {'duplicate', stored turn} | {'conflict'} | {'busy', owner} | {'elsewhere', owner} | {'queue_full'}
--   | {'stale_base', head} | {'session_not_found'}
-- A stored turn is fingerprint, line break, 'U' ('T' if tombstoned) and pos or nothing, line break, record; see end.lua
-- for a finished one.
local head = tonumber(redis.call('HGET', KEYS[1], 'head') or '')
if not head then return {'session_not_found'} end
local known = redis.call('HGET', KEYS[3], ARGV[1])
if known then
  local cut = string.find(known, '\n', 1, true)
  if string.sub(known, 1, cut - 1) == ARGV[2] then return {'duplicate', known} end
  return {'conflict'}
end
local current = head
if ARGV[5] ~= '' then current = tonumber(ARGV[5]) end
if ARGV[4] ~= '' and tonumber(ARGV[4]) ~= current then return {'stale_base', current} end
local tombstoned = redis.call('EXISTS', KEYS[4])
local kind = tombstoned == 1 and 'T' or 'U'
local running = redis.call('HGET', KEYS[1], 'running')
if not running then
  redis.call('HSET', KEYS[1], 'running', ARGV[1], 'owner', ARGV[8], 'head', head + 1, 'from', head)
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[2] .. '\n' .. kind .. head .. '\n' .. ARGV[7])
  redis.call('DEL', KEYS[4])
  return {'running', head, tombstoned, tonumber(redis.call('HGET', KEYS[1], 'version') or '0')}
end
local owner = redis.call('HGET', KEYS[1], 'owner')
-- what a dead node left is ended by another one, not continued
if ARGV[3] == 'reject' or redis.call('HEXISTS', KEYS[1], 'orphaned') == 1 then return {'busy', owner} end
-- the node that runs the session's turn is the one that appends to its log
if owner ~= ARGV[8] then return {'elsewhere', owner} end
local waiting = redis.call('LRANGE', KEYS[2], 0, -1)
if ARGV[3] == 'queue' and #waiting >= tonumber(ARGV[6]) then return {'queue_full'} end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2] .. '\n' .. kind .. '\n' .. ARGV[7])
redis.call('DEL', KEYS[4])
if ARGV[3] == 'queue' then
  redis.call('RPUSH', KEYS[2], ARGV[1])
  return {'queued', #waiting + 1, tombstoned}
end
redis.call('LPUSH', KEYS[2], ARGV[1])
return {'replacing', tombstoned, running, unpack(waiting)}
