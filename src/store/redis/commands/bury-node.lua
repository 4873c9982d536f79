-- Takes over a node whose lease ran out; only one other node succeeds, and again after it died itself.
-- KEYS: 1 lease of the dead node, 2 its grave
-- ARGV: 1 node that takes over, 2 time it has for that (ms), 3 how long the lease stays taken (ms)
-- Returns: 1 if this node takes over
local holder = redis.call('GET', KEYS[1])
if holder and string.sub(holder, 1, 5) ~= 'dead:' then return 0 end
if not redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') then return 0 end
redis.call('SET', KEYS[1], 'dead:' .. ARGV[1], 'PX', ARGV[3])
return 1
