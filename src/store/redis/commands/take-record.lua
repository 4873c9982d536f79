-- Reads a record and removes it.
-- KEYS: 1 records, 2 their ids, 3 their version, 4 the record as one that runs out
-- ARGV: 1 id
-- Returns: the value, or false
local passing = redis.call('GET', KEYS[4])
if passing then
  redis.call('DEL', KEYS[4])
  return passing
end
local value = redis.call('HGET', KEYS[1], ARGV[1])
if value then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('INCR', KEYS[3])
end
return value
