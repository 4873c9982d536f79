-- Remembers the cancel of a turn that is not known.
-- KEYS: 1 turns, 2 tombstone of the turn
-- ARGV: 1 turn, 2 time to live (ms)
-- Returns: the stored turn, or false
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then return known end
redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
return false
