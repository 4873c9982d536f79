-- Gives back what accounts hold whose lease ran out; they can still be settled with what they spent.
-- KEYS: 1 leases, 2 what the names of accounts begin with, 3 what those of meters begin with; all in the tenant's slot
-- ARGV: 1 most accounts
-- Returns: how many there were
local now = time()
local lapsed = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, tonumber(ARGV[1]))
for _, id in ipairs(lapsed) do
  local key = KEYS[2] .. id
  local account = read_account(key)
  if account and not account.settled then
    local after = {open = 0, spent = account.spent, allowance = account.spent}
    for _, meter in ipairs(parse_meters(account.lines)) do
      load_meter(KEYS[3], meter, now)
      move(meter, account, after, now)
      save_meter(KEYS[3], meter, now)
    end
    account.open, account.allowance = 0, account.spent
    write_account(key, account)
  end
  redis.call('ZREM', KEYS[1], id)
end
return #lapsed
