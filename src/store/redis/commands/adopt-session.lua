-- Gives a session's unfinished turns to the node that took it over, so that they go on there; new turns are taken again.
-- KEYS: 1 session, 2 turns
-- ARGV: 1 node, then turn and record (JSON) of each
-- Returns: 1 if it did, 0 if another node has the session
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[2], ARGV[i])
  local head = known and string.match(known, '^[^\n]*\n[UT][^\n]*\n')
  if head then redis.call('HSET', KEYS[2], ARGV[i], head .. ARGV[i + 1]) end
end
redis.call('HDEL', KEYS[1], 'orphaned')
return 1
