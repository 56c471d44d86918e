-- What went through the queues: which messages are surely lost, and where a waiting job stands. This file runs in
-- front of store.lua, as one script with it, and knows nothing of records.
--
-- KEYS  5 lanes    hash    for each queue:
--                            <queue>          when the message that was claimed last had been sent (ms)
--                            tickets:<queue>  how many messages were sent to it; each has its number as a ticket
--                            served:<queue>   the highest ticket that was claimed
--
-- A queue is first in, first out. So the difference of a job's ticket and the one served last is its place, unless
-- messages have priorities, or come from producers that know only Celery.

local lanes = KEYS[5]
local queues = {}

function queues.next_ticket(lane) return redis.call('HINCRBY', lanes, 'tickets:' .. lane, 1) end

-- When the message that was claimed last from a queue had been sent. A time to come is from before Redis's clock was
-- set back, and says nothing.
function queues.passed(lane, now)
  local at = tonumber(redis.call('HGET', lanes, lane) or '0')
  if at <= now then return at end
  redis.call('HDEL', lanes, lane)
  return 0
end

-- A message came that was sent to a queue then, with this ticket if it has one: those that were sent there long before
-- are lost.
function queues.note_passage(lane, sent_at, ticket, now)
  if sent_at and tonumber(sent_at) > queues.passed(lane, now) then redis.call('HSET', lanes, lane, sent_at) end
  local served = 'served:' .. (lane or '')
  if ticket and tonumber(ticket) > tonumber(redis.call('HGET', lanes, served) or '0') then
    redis.call('HSET', lanes, served, ticket)
  end
end

