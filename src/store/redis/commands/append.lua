-- Appends a batch of events to a node's log, unless the node was buried or the server lost what it had acknowledged.
-- KEYS: 1 life of the node: how many appends there were, 2 its log (stream)
-- ARGV: 1 batch (JSON), 2 appends of which the node knows
-- Returns: {id of the log entry, appends}, 'lost', or false when another node took over
local appends = redis.call('GET', KEYS[1])
if not appends then return false end
if tonumber(appends) < tonumber(ARGV[2]) then return 'lost' end
return {redis.call('XADD', KEYS[2], '*', 'b', ARGV[1]), redis.call('INCR', KEYS[1])}
