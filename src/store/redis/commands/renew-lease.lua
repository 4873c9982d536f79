-- Keeps a node alive. A lease that ran out comes back as long as nobody buried the node: Redis itself may have been away.
-- KEYS: 1 lease of the node, 2 its life
-- ARGV: 1 node, 2 time to live (ms), 3 '1' for the first time
-- Returns: 1 if the node holds its lease
if ARGV[3] == '1' then
  redis.call('SET', KEYS[2], 0)
elseif redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
