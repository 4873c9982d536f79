-- Stores a summary in place of the one that speaks up to a position (store/window-rules.ts says the same).
-- KEYS: 1 session, 2 summary (hash: end, turns, text)
-- ARGV: 1 epoch, 2 position up to which the one before speaks or 0, 3 end, 4 turns, 5 text
-- Returns: 1 if this one is stored now
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
local stored = redis.call('HGET', KEYS[2], 'end') or '0'
if stored == ARGV[3] and redis.call('HGET', KEYS[2], 'text') == ARGV[5] then return 1 end
if stored ~= ARGV[2] or tonumber(ARGV[3]) <= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], 'end', ARGV[3], 'turns', ARGV[4], 'text', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'version', 1)
return 1
