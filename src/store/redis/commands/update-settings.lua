-- Replaces the settings of a session that exists.
-- KEYS: 1 session
-- ARGV: 1 settings (JSON)
-- Returns: 1 if there was one
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'settings', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'version', 1)
return 1
