-- Notes that a session is in use.
-- KEYS: 1 session
-- Returns: the time (ms), or false when there is no such session
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then return false end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'usedAt', now)
return now
