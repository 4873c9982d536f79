-- Erases a session that runs nothing, that no node follows and that was not used for a while.
-- KEYS: 1 session, 2 followers, 3... everything else of it
-- ARGV: 1 idle time (ms)
-- Returns: 1 if it is gone
local used = tonumber(redis.call('HGET', KEYS[1], 'usedAt') or '')
if not used then return redis.call('EXISTS', KEYS[1]) == 0 and 1 or 0 end
if redis.call('HEXISTS', KEYS[1], 'running') == 1 or redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local time = redis.call('TIME')
if time[1] * 1000 + math.floor(time[2] / 1000) - used < tonumber(ARGV[1]) then return 0 end
redis.call('UNLINK', unpack(KEYS))
return 1
