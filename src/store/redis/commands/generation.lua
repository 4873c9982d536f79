-- The generation of the data: a number that grows, and a random part. One that is older than what a node knows, or none,
-- means that the server lost it.
-- KEYS: 1 generation
-- ARGV: 1 generation that the node knows or '', 2 random part of a new one, 3 '1' to end the known one
-- Returns: the generation that holds from now on
local stored = redis.call('GET', KEYS[1])
local function number(generation) return tonumber(string.match(generation, '^%d+') or '0') end
local known = number(ARGV[1])
local isLost = not stored or number(stored) < known
if not isLost and not (ARGV[3] == '1' and stored == ARGV[1]) then return stored end
local new = string.format('%d', known + 1) .. '-' .. ARGV[2]
redis.call('SET', KEYS[1], new)
return new
