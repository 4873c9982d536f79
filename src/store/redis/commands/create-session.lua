-- Makes a session unless there is one.
-- KEYS: 1 session
-- ARGV: 1 epoch, 2 settings (JSON), 3 created at (ms)
-- Returns: the time (ms) if it was made, 0 if it existed
if redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1]) == 0 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'head', 0, 'settings', ARGV[2], 'createdAt', ARGV[3], 'turns', 0, 'usedAt', now)
return now
