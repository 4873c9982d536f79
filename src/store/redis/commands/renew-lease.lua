-- Keeps a node alive. A lease that ran out does not come back: another node may have taken over.
-- KEYS: 1 lease of the node
-- ARGV: 1 node, 2 time to live (ms), 3 '1' for the first time
-- Returns: 1 if the node holds its lease
if ARGV[3] == '1' then
  if redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then return 1 end
  return 0
end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
