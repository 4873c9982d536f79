-- Makes another node the owner of a session's unfinished turns: ends by the one before are refused from now on, and so are
-- new turns until the last of them is ended.
-- KEYS: 1 session
-- ARGV: 1 owner until now, 2 node that takes over
-- Returns: 1 if it did
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'orphaned', 1)
return 1
