-- Notes for a finished turn how far it was heard.
-- KEYS: 1 session, 2 heard (hash: position after a turn, note)
-- ARGV: 1 position after the turn, 2 note (JSON)
-- Returns: 1 if there was such a session
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[1], 'version', 1)
return 1
