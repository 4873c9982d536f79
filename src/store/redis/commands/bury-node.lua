-- Takes over a node whose lease ran out: its life ends here, whatever it sends later. Only one other node succeeds, and
-- another one after that died itself.
-- KEYS: 1 lease of the dead node, 2 its life, 3 its grave
-- ARGV: 1 node that takes over, 2 time it has for that (ms), 3 node that is known to have died while it did, or ''
-- Returns: 1 if this node takes over
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local digger = redis.call('GET', KEYS[3])
if digger and digger ~= ARGV[1] and digger ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[2])
return 1
