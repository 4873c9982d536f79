-- Appends a batch of events to a node's log, if the node still lives.
-- KEYS: 1 lease of the node, 2 its log (stream)
-- ARGV: 1 node, 2 batch (JSON)
-- Returns: the id of the log entry, or false when the lease is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
return redis.call('XADD', KEYS[2], '*', 'b', ARGV[2])
