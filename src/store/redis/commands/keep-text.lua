-- Keeps a text of a session under an id made of it.
-- KEYS: 1 session, 2 texts
-- ARGV: 1 epoch, 2 id, 3 text
-- Returns: 1 if the session is of that epoch
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3])
return 1
