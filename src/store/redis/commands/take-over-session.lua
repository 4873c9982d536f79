-- Makes another node the owner of a session's unfinished turns, if they belong to the dead one: its ends are refused from now on.
-- KEYS: 1 session
-- ARGV: 1 dead node, 2 node that takes over
-- Returns: 1 if it did
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[2])
return 1
