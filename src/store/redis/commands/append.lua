-- Appends a batch of events to a node's log, unless the node was buried.
-- KEYS: 1 life of the node, 2 its log (stream)
-- ARGV: 1 batch (JSON)
-- Returns: the id of the log entry, or false when another node took over
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
return redis.call('XADD', KEYS[2], '*', 'b', ARGV[1])
