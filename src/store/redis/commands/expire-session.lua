-- Erases a session that runs nothing, that no node follows and that was not used for a while.
-- KEYS: 1 mark of its erasure, 2 session, 3 followers, 4... everything else of it
-- ARGV: 1 idle time (ms), 2 how long the erasure is remembered (ms)
-- Returns: 1 if it is gone
local used = tonumber(redis.call('HGET', KEYS[2], 'usedAt') or '')
if not used then return redis.call('EXISTS', KEYS[2]) == 0 and 1 or 0 end
if redis.call('HEXISTS', KEYS[2], 'running') == 1 or redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
local time = redis.call('TIME')
if time[1] * 1000 + math.floor(time[2] / 1000) - used < tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], 1, 'PX', ARGV[2])
redis.call('UNLINK', unpack(KEYS, 2))
return 1
