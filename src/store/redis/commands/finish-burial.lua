-- Removes what is left of a node that was taken over, unless another node is at that by now.
-- KEYS: 1 grave of the dead node, 2 its log
-- ARGV: 1 node that took over
-- Returns: 1 if it did
local digger = redis.call('GET', KEYS[1])
if digger and digger ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2])
return 1
