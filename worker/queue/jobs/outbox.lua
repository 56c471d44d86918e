-- Deliveries of webhooks: who tries which one now, and the outcomes. store.lua writes their rows, in the step
-- that makes a job final. Each call is one atomic step; Redis's own clock is the only one.
--
-- KEYS  1 hooks                zset    pending deliveries by the time (ms) of their next try; one in hand, by when
--                                      it is tried again if nobody reports an outcome
--       and keys named after it:
--         :row:<id>            hash    a delivery: the webhook's content, its URL, its state
--         :ended               zset    deliveries that were made or given up, by when
--         :busy:<receiver>     zset    deliveries in hand at one receiver, by the same time as in `hooks`; who that is,
--                                      webhooks/receivers.py decides: a registrable domain or an address
--         :parked:<receiver>   zset    due deliveries that wait for those, by when they began to wait
--         :parked:*            zset    the same for places of receivers that aren't known to answer
--         :well:<receiver>     string  it answered the last try
--         :slow:<receiver>     string  it could not be reached, or let the last try run into its timeout
--         :hold:<SHA-1 of URL> string  the URL isn't tried (Retry-After) until this expires; its value: since when
--         :gone:<SHA-1 of URL> string  the URL answered 410: it is not tried until somebody replays
--         :secrets             hash    by organisation, the names of its own secrets: see own_secrets.py
--         :url                 string  the URL that hears of every job, while there are deliverers that have it
-- ARGV  1 function, 2 row ttl (s), then what the function takes
--
-- A row expires one ttl after its delivery ended, or should have been tried while nobody was there to do so.
-- A delivery's `put_at` is when its time in `hooks` was set; one that was never taken uses `created_at`. Its
-- `token` grows with every try and every replay, so that the outcome of an older try changes nothing.

local hooks, row_ttl = KEYS[1], ARGV[2]

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function row(id) return hooks .. ':row:' .. id end
local function get(id, field) return redis.call('HGET', row(id), field) end
local function receiver(id) return get(id, 'receiver') or '' end
local function mark(kind, url) return hooks .. ':' .. kind .. ':' .. redis.sha1hex(url) end

local function try_at(id, at)
  redis.call('ZADD', hooks, at, id)
  redis.call('HSET', row(id), 'put_at', now())
  redis.call('PEXPIREAT', row(id), at + row_ttl * 1000)
end

local function finish(id, state, answer)
  local ended, at = hooks .. ':ended', now()
  redis.call('HSET', row(id), 'state', state, 'last_answer', answer)
  redis.call('EXPIRE', row(id), row_ttl)
  redis.call('ZREM', hooks, id)
  redis.call('ZADD', ended, at, id)
  redis.call('ZREMRANGEBYSCORE', ended, '-inf', at - row_ttl * 1000)
end

-- Makes deliveries due that waited for others at the same receiver.
local function unpark(at, most)
  local parked = hooks .. ':parked:' .. at
  for _, id in ipairs(redis.call('ZRANGE', parked, 0, most - 1)) do
    redis.call('ZREM', parked, id)
    if get(id, 'state') == 'pending' then try_at(id, now()) end
  end
end

-- Sets the URL that hears of every job. Deliverers call this often, so nothing is written while nothing changes. A
-- deliverer without such a URL leaves alone what others have set.
local function tell_all(url)
  local key = hooks .. ':url'
  if url == '' or redis.call('GET', key) == url and redis.call('TTL', key) > row_ttl / 2 then return end
  redis.call('SET', key, url, 'EX', row_ttl)
end

-- Called when Redis's clock was set back. Times put before that are too far ahead, by an unknown amount. Each such
-- delivery now waits for as long as it was meant to wait when it was put.
local function follow_clock()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', hooks, '(' .. now(), '+inf')) do
    local put_at = tonumber(get(id, 'put_at') or get(id, 'created_at') or '0')
    if put_at > now() then
      local at, busy = now() + redis.call('ZSCORE', hooks, id) - put_at, hooks .. ':busy:' .. receiver(id)
      try_at(id, at)
      redis.call('ZADD', busy, 'XX', at, id)
    end
  end
end

-- For how long (ms) a URL isn't tried. Expiry, too, depends on the clock, which may be set back.
local function held(url)
  local key, at = mark('hold', url), now()
  local lasts, put_at = redis.call('PTTL', key), tonumber(redis.call('GET', key) or '0')
  if put_at <= at then return lasts end
  lasts = lasts + at - put_at
  redis.call('SET', key, at, 'PX', lasts)
  return lasts
end

local calls = {}

-- Puts a due delivery aside until another that holds the place it needs ends, or the lease runs out.
local function park(id, name, lease_ms)
  local parked = hooks .. ':parked:' .. name
  redis.call('ZADD', parked, 'NX', now(), id)
  redis.call('PEXPIRE', parked, 2 * lease_ms)
end

-- A delivery's fields, with the names of the secrets that its organisation has now.
local function fields_of(id)
  local fields, organisation = redis.call('HGETALL', row(id)), get(id, 'organisation')
  local names = organisation and redis.call('HGET', hooks .. ':secrets', organisation)
  if names then
    fields[#fields + 1] = 'own_secrets'
    fields[#fields + 1] = names
  end
  return fields
end

-- Takes deliveries to try now, each with its fields. No receiver gets more than `share` at once, and a slow one
-- only one: a receiver that hangs takes no more than that from the others. All that aren't known to answer get no
-- more than `doubtful` together, so that many that hang leave places, too. Deliveries whose receiver isn't named
-- yet are returned as ids and URLs, to be named first. `seen` is the clock at the caller's last call; before its
-- first one, any time in the future.
function calls.take(most, doubtful, lease_ms, share, url, seen)
  local clock = now()
  if clock < tonumber(seen) then follow_clock() end
  tell_all(url)
  local taken, unnamed, looked_at = {}, {}, 0
  doubtful = tonumber(doubtful)
  while #taken < tonumber(most) and #unnamed == 0 and looked_at < 1000 do
    local due = redis.call('ZRANGEBYSCORE', hooks, '-inf', now(), 'LIMIT', 0, most - #taken)
    if #due == 0 then break end
    for _, id in ipairs(due) do
      looked_at = looked_at + 1
      local url = get(id, 'url')
      local at = receiver(id)
      local busy, parked = hooks .. ':busy:' .. at, hooks .. ':parked:' .. at
      local hold = url and held(url) or 0
      if not url then
        redis.call('ZREM', hooks, id)
      elseif not get(id, 'receiver') then
        unnamed[#unnamed + 1] = { id, url }
      elseif redis.call('EXISTS', mark('gone', url)) == 1 then
        finish(id, 'failed', 'not tried: the URL answered 410 before')
      elseif hold > 0 then
        try_at(id, now() + hold)
      else
        redis.call('ZREMRANGEBYSCORE', busy, '-inf', now())
        local places = redis.call('EXISTS', hooks .. ':slow:' .. at) == 1 and 1 or tonumber(share)
        local again_at = now() + lease_ms
        local is_well = redis.call('EXISTS', hooks .. ':well:' .. at) == 1
        -- A parked one becomes due again by itself, too, in case the process that should unpark it has died.
        try_at(id, again_at)
        if redis.call('ZCARD', busy) >= places then
          park(id, at, lease_ms)
        elseif not is_well and doubtful <= 0 then
          park(id, '*', lease_ms)
        else
          redis.call('ZREM', parked, id)
          redis.call('ZREM', hooks .. ':parked:*', id)
          if not is_well then doubtful = doubtful - 1 end
          redis.call('ZADD', busy, again_at, id)
          redis.call('PEXPIRE', busy, lease_ms)
          redis.call('HINCRBY', row(id), 'token', 1)
          redis.call('HINCRBY', row(id), 'tries', 1)
          redis.call('HSET', row(id), 'last_at', now())
          taken[#taken + 1] = { id, is_well and 0 or 1, fields_of(id) }
        end
      end
    end
  end
  return { clock, taken, unnamed }
end

-- Names a delivery's receiver.
function calls.name(id, name)
  if get(id, 'url') then redis.call('HSET', row(id), 'receiver', name) end
  return 'ok'
end

-- Records an outcome. `delay_ms` is for one that stays pending; `hold_ms` and `gone` are what its URL asked for.
function calls.note(id, token, state, answer, delay_ms, hold_ms, gone, slow)
  if get(id, 'token') ~= token then return 'lost' end
  local url = get(id, 'url')
  local at = receiver(id)
  redis.call('ZREM', hooks .. ':busy:' .. at, id)
  if slow == '1' then
    redis.call('SET', hooks .. ':slow:' .. at, 1, 'EX', row_ttl)
    redis.call('DEL', hooks .. ':well:' .. at)
  else
    redis.call('SET', hooks .. ':well:' .. at, 1, 'EX', row_ttl)
    redis.call('DEL', hooks .. ':slow:' .. at)
  end
  -- Unparks two, so that a receiver that is well again gets its share back; one too many is parked again.
  unpark(at, 2)
  unpark('*', 2)
  if gone == '1' then redis.call('SET', mark('gone', url), 1, 'EX', row_ttl) end
  if tonumber(hold_ms) > 0 then redis.call('SET', mark('hold', url), now(), 'PX', hold_ms) end
  if state == 'pending' then
    redis.call('HSET', row(id), 'last_answer', answer)
    try_at(id, now() + delay_ms)
  else
    finish(id, state, answer)
  end
  return 'ok'
end

-- Delivers again, from the schedule's beginning and with the same webhook id.
function calls.replay(id)
  local url = get(id, 'url')
  if not url then return 'missing' end
  redis.call('DEL', mark('gone', url), mark('hold', url))
  redis.call('HSET', row(id), 'state', 'pending', 'tries', 0)
  redis.call('HINCRBY', row(id), 'token', 1)
  redis.call('ZREM', hooks .. ':ended', id)
  try_at(id, now())
  return 'ok'
end

-- The number of deliveries that should have been tried more than `late_ms` ago.
function calls.late(late_ms)
  return redis.call('ZCOUNT', hooks, '-inf', now() - late_ms)
end

return calls[ARGV[1]](unpack(ARGV, 3))
