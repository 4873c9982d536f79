-- Writes a record, on a condition.
-- KEYS: 1 records, 2 their ids, 3 their version, 4 the record as one that runs out
-- ARGV: 1 id, 2 value, 3 time to live (ms) or '', 4 'new', 'existing', 'was' or '', 5 what it was
-- Returns: 1 when it was written, else 0
local known = redis.call('GET', KEYS[4]) or redis.call('HGET', KEYS[1], ARGV[1])
if ARGV[4] == 'new' and known then return 0 end
if ARGV[4] == 'existing' and not known then return 0 end
if ARGV[4] == 'was' and known ~= ARGV[5] then return 0 end
if ARGV[3] == '' then
  redis.call('DEL', KEYS[4])
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('ZADD', KEYS[2], 0, ARGV[1])
  redis.call('INCR', KEYS[3])
else
  if redis.call('HDEL', KEYS[1], ARGV[1]) == 1 then
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('INCR', KEYS[3])
  end
  redis.call('SET', KEYS[4], ARGV[2], 'PX', ARGV[3])
end
return 1
