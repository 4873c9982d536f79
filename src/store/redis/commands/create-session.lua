-- Makes a session unless there is one.
-- KEYS: 1 session
-- ARGV: 1 epoch, 2 settings (JSON), 3 created at (ms)
-- Returns: 1 if it was made, 0 if it existed
if redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'head', 0, 'settings', ARGV[2], 'createdAt', ARGV[3], 'turns', 0)
return 1
