-- Pins a turn, or takes that back (store/window-rules.ts says the same).
-- KEYS: 1 session, 2 turns
-- ARGV: 1 turn, 2 '1' to pin, 3 how many may be pinned
-- Returns: {'set', pinned turns with a space between} | {'full'} | {'turn_not_found'}
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then
  return {'turn_not_found'}
end
local pinned, known = {}, false
for turn in string.gmatch(redis.call('HGET', KEYS[1], 'pinned') or '', '%S+') do
  if turn == ARGV[1] then known = true end
  if turn ~= ARGV[1] or ARGV[2] == '1' then pinned[#pinned + 1] = turn end
end
if ARGV[2] == '1' and not known then
  if #pinned >= tonumber(ARGV[3]) then return {'full'} end
  pinned[#pinned + 1] = ARGV[1]
end
local text = table.concat(pinned, ' ')
redis.call('HSET', KEYS[1], 'pinned', text)
redis.call('HINCRBY', KEYS[1], 'version', 1)
return {'set', text}
