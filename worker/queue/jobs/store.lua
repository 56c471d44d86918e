-- The job store's writes. Each call is one atomic step, and uses only Redis's clock.
--
-- KEYS  1 job      hash    the job: record fields, message, lease
--       2 events   stream  its events; an entry's id is `<sequence>-0`
--       3 watch    zset    job ids by the time (ms) at which some worker must act: held jobs when their lease
--                          runs out, waiting jobs when their message must be sent
--       4 sent     zset    waiting jobs whose message is on the queue, by the time at which to check whether it
--                          got lost; separate from `watch`, since there may be very many
--       5 lanes    hash    what went through each queue: see lanes.lua
--       6 expiring zset    jobs that no worker began with yet, by the time at which they fail because of that
--       7 hooks    zset    webhooks to deliver; outbox.lua describes the keys around it
--       8 dead     zset    dead letters by the time of their death; `dead:<id>` is a letter's hash
--       9 parked and 10 slots: see slots.lua
--      11 feed     stream  jobs that a worker began with, or that ended, in the last ten minutes: see feed.py
-- ARGV  1 function, 2 event limit, 3 record ttl (s), then what the function takes
--
-- A job is held while `holder` is set. Its `token` (the fencing token) grows with every claim and every loss of the
-- lease, so that a writer with an old one is refused. It is never less than the time: otherwise a Redis that comes
-- back with older data, or with none, could issue a token that an earlier holder has. A final job's state never
-- changes again.
--
-- A job that gets no slot is parked: it is on no list of jobs to send until it gets one.

local job, events, watch, sent = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local expiring, hooks, dead, feed = KEYS[6], KEYS[7], KEYS[8], KEYS[11]
local event_limit, record_ttl = ARGV[2], ARGV[3]
local most_dead = 10000
local feed_ms = 600000

-- One moment for all that a call reads and writes: a record, its event and its letter agree.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function get(field) return redis.call('HGET', job, field) end
local function set(...) return redis.call('HSET', job, ...) end

-- `at_<stage>`: when the job entered it, in its latest attempt.
local function enter(stage) set('stage', stage, 'at_' .. stage, now) end

local function raise_token() set('token', math.max(get('token') + 1, now)) end

local function emit(kind, data)
  local at = now
  local sequence = redis.call('HINCRBY', job, 'sequence', 1)
  set('updated_at', at)
  redis.call('XADD', events, 'MAXLEN', '~', event_limit, sequence .. '-0', 'type', kind, 'at', at,
    'status', get('status'), 'stage', get('stage'), 'progress', get('progress'), 'data', data)
  return sequence
end

local function report(news)
  redis.call('XADD', feed, 'MINID', '~', now - feed_ms, '*', 'job', get('job_id'), 'news', news)
end

local function create(id, message, fingerprint, influencer, project, callback, expires_at, organisation)
  set('job_id', id, 'message', message, 'fingerprint', fingerprint, 'influencer_id', influencer,
    'project_id', project, 'status', 'running', 'progress', '0', 'attempts', 0, 'handovers', 0, 'token', now,
    'sequence', 0, 'submitted_at', now)
  enter('queued')
  local asked = cjson.decode(message)
  for _, name in ipairs({ 'kind', 'tier' }) do
    if type(asked[name]) == 'string' then set(name, asked[name]) end
  end
  if callback ~= '' then set('callback_url', callback) end
  if organisation ~= '' then set('organisation', organisation) end
  if expires_at ~= '' then
    set('expires_at', expires_at)
    redis.call('ZADD', expiring, expires_at, id)
  end
  emit('job.submitted', '{}')
end

-- Whether the job has a slot of its project and organisation; if not, it is parked. One that was begun before it had a
-- slot goes past the limits, since its stored work would grow old.
local function admit(limit, organisation_limit)
  local id, project, organisation = get('job_id'), get('project_id'), get('organisation')
  if get('attempts') ~= '0' then limit, organisation_limit = '', '' end
  if projects.admit(project, organisation, id, limit, organisation_limit) then return true end
  redis.call('ZREM', watch, id)
  redis.call('ZREM', sent, id)
  redis.call('HDEL', job, 'ticket')
  -- A note of sending that comes late is refused by it.
  raise_token()
  projects.park(project, organisation, id, get('submitted_at'), now)
  return false
end

local function let_go()
  redis.call('HDEL', job, 'holder', 'ticket')
  raise_token()
  enter('queued')
end

-- A webhook of the job's end to one URL, and a copy of what it tells: the record may expire before it arrives.
local function post(webhook_id, kind, name, url)
  local id = webhook_id .. '-' .. name
  local row, at = hooks .. ':row:' .. id, now
  redis.call('HSET', row, 'webhook_id', webhook_id, 'type', kind, 'url', url, 'state', 'pending', 'tries', 0,
    'token', 0, 'created_at', at)
  for _, field in ipairs({ 'job_id', 'kind', 'status', 'progress', 'influencer_id', 'project_id', 'submitted_at',
    'started_at', 'finished_at', 'error' }) do
    local value = get(field)
    if value then redis.call('HSET', row, field, value) end
  end
  -- The job's own URL is its organisation's, whose secrets sign for it. The one that hears of all jobs is not.
  local organisation = get('organisation')
  if name == 'job' and organisation then redis.call('HSET', row, 'organisation', organisation) end
  local result = get('result')
  if result then
    local made = cjson.decode(result)
    redis.call('HSET', row, 'manifest_key', made.manifestKey, 'manifest_url', made.manifestUrl,
      'digital_source_type', made.digitalSourceType)
  end
  redis.call('ZADD', hooks, at, id)
  -- Were there no deliverer for so long, they would only pile up.
  redis.call('EXPIRE', row, record_ttl)
  redis.call('ZREMRANGEBYSCORE', hooks, '-inf', at - record_ttl * 1000)
end

local function tell(kind, sequence)
  -- A job id may be used again once its record expired, so the time is a part of it. That of a committed job is its
  -- manifest's: where Redis lost its data and the job comes again, it is the same end, and not told under another id.
  local ended = get('made_at') or sequence .. ':' .. get('finished_at')
  local webhook_id = 'evt_' .. redis.sha1hex(get('job_id') .. ':' .. ended)
  set('webhook_id', webhook_id)
  local own, general = get('callback_url'), redis.call('GET', hooks .. ':url')
  if own and own ~= general then post(webhook_id, kind, 'job', own) end
  if general then post(webhook_id, kind, 'all', general) end
end

local function conclude(status, data)
  redis.call('HDEL', job, 'holder')
  set('status', status, 'stage', 'done', 'finished_at', now)
  tell('job.' .. status, emit('job.' .. status, data))
  for _, list in ipairs({ watch, sent, expiring }) do redis.call('ZREM', list, get('job_id')) end
  projects.leave(get('project_id'), get('organisation'), get('job_id'), now)
  report('ended')
  redis.call('EXPIRE', job, record_ttl)
  redis.call('EXPIRE', events, record_ttl)
end

local function fail(error)
  set('error', error)
  conclude('failed', '{"error":' .. error .. '}')
end

-- A letter under a known id replaces the older one.
local function bury(id, message, error)
  local letter, at = dead .. ':' .. id, now
  redis.call('HSET', letter, 'letter_id', id, 'at', at, 'message', message, 'error', error)
  redis.call('EXPIRE', letter, record_ttl)
  redis.call('ZADD', dead, at, id)
  redis.call('ZREMRANGEBYSCORE', dead, '-inf', at - record_ttl * 1000)
  for _, oldest in ipairs(redis.call('ZRANGE', dead, 0, -most_dead - 1)) do
    redis.call('DEL', dead .. ':' .. oldest)
    redis.call('ZREM', dead, oldest)
  end
end

-- A client whose connection broke before the answer came sends the same call again. These two know it again, so that
-- it gets the answer that was lost: a holder must not take itself for another, nor its own end for another's.
local function is_same_claim(claim)
  return get('status') == 'running' and get('holder') and get('claim') == claim
end

local function is_same_end(token, status)
  return get('status') == status and get('token') == token
end

-- Nil if the caller may write, else why not.
local function refusal(token)
  local status = get('status')
  if not status then return 'missing' end
  if status ~= 'running' then return 'final' end
  if get('token') ~= token or not get('holder') then return 'lost' end
  return nil
end

-- A deadline is for the beginning: a job that a worker began with in time goes on, whatever becomes of attempts.
local function is_late()
  local expires_at = get('expires_at')
  return get('attempts') == '0' and expires_at and tonumber(expires_at) <= now
end

local function held_by(verdict)
  return { verdict, get('token'), get('attempts'), get('attempts') - get('handovers'), get('last_error') or '',
    now - get('submitted_at'), now - (get('started_at') or now) }
end

-- What a sender needs.
local function waiting_job()
  return { get('job_id'), get('message'), get('token'), get('project_id'), get('attempts'), get('lane') or '' }
end

local calls = {}

-- A new job waits to be sent: until `sent` says so, it is on the watch list. Where there is a limit, it takes its slot
-- here, or is parked.
function calls.submit(id, message, fingerprint, influencer, project, callback, expires_at, organisation, resend_ms,
    limit, organisation_limit)
  local known = get('fingerprint')
  if known then return { known == fingerprint and 'known' or 'conflict' } end
  create(id, message, fingerprint, influencer, project, callback, expires_at, organisation)
  -- Without a limit only claims take slots: were one set later, it would hold back what waits by then.
  local is_limited = limit ~= '' or organisation_limit ~= '' and organisation ~= ''
  if is_limited and not admit(limit, organisation_limit) then return { 'parked' } end
  redis.call('ZADD', watch, now + resend_ms, id)
  return { 'new', unpack(waiting_job()) }
end

-- The message is on the queue `lane`. Someone asks later whether the queue lost it.
function calls.sent(token, lane, lost_after_ms)
  if get('status') == 'running' and get('token') == token and not get('holder') then
    set('sent_at', now, 'lane', lane, 'ticket', queues.next_ticket(lane))
    redis.call('ZREM', watch, get('job_id'))
    redis.call('ZADD', sent, now + lost_after_ms, get('job_id'))
  end
  return 'ok'
end

-- Take the job, if nobody holds it. A claim may come without a submit: from a producer that only knows Celery.
-- One that comes too late to begin ends the job, with the error `late`.
-- `claim` names this very call, `holder` the node, and `worker` its process as records name it.
function calls.claim(id, message, fingerprint, influencer, project, callback, expires_at, organisation, claim, holder,
    worker, lease_ms, max_attempts, late, limit, organisation_limit)
  if is_same_claim(claim) then return held_by(get('verdict')) end
  local known = get('fingerprint')
  if not known then create(id, message, fingerprint, influencer, project, callback, expires_at, organisation)
  elseif known ~= fingerprint then return { 'conflict' } end
  if get('status') ~= 'running' then return { 'final' } end
  if get('holder') and tonumber(get('lease_until')) > now then return { 'held' } end
  if is_late() then
    fail(late)
    return { 'expired' }
  end
  queues.note_passage(get('lane'), get('sent_at'), get('ticket'), now)
  if not admit(limit, organisation_limit) then return { 'parked' } end

  local verdict = 'claimed'
  if get('cancel_requested') == '1' then verdict = 'canceled'
  elseif get('attempts') - get('handovers') >= tonumber(max_attempts) then verdict = 'exhausted' end

  local lease_until = now + lease_ms
  raise_token()
  set('holder', holder, 'held_since', now, 'lease_until', lease_until, 'claim', claim, 'verdict', verdict)
  redis.call('ZADD', watch, lease_until, id)
  redis.call('ZREM', sent, id)
  if verdict == 'claimed' then
    local attempt = redis.call('HINCRBY', job, 'attempts', 1)
    redis.call('ZREM', expiring, id)
    redis.call('HSETNX', job, 'started_at', now)
    set('worker', worker)
    redis.call('HDEL', job, 'at_rendering', 'at_storing', 'at_finishing')
    enter('fetching')
    emit('job.started', cjson.encode({ attempt = attempt }))
    if attempt == 1 then report('begun') end
  end
  return held_by(verdict)
end

-- Keep the lease. Answers whether the job shall be canceled.
function calls.renew(token, lease_ms)
  local why_not = refusal(token)
  if why_not then return { why_not } end
  local lease_until = now + lease_ms
  set('lease_until', lease_until)
  redis.call('ZADD', watch, lease_until, get('job_id'))
  return { 'ok', get('cancel_requested') or '0' }
end

-- Write fields and, if `kind` isn't empty, tell of it. A job that shall be canceled no longer enters `finishing`.
function calls.update(token, kind, data, ...)
  local why_not = refusal(token)
  if why_not then return { why_not } end
  local cancel, fields = get('cancel_requested') or '0', { ... }
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'stage' and value == 'finishing' and cancel == '1' then return { 'ok', cancel } end
    if name == 'stage' then enter(value)
    elseif name ~= 'progress' or tonumber(value) > tonumber(get('progress')) then set(name, value) end
  end
  if kind ~= '' then emit(kind, data) end
  return { 'ok', cancel }
end

-- The one write that makes a job final: state, event, webhooks and lease together.
function calls.finish(token, status, result)
  if is_same_end(token, status) then return { 'ok' } end
  local why_not = refusal(token)
  if why_not then return { why_not } end
  if status == 'completed' then
    set('result', result, 'progress', '1', 'made_at', cjson.decode(result).influencer.updatedAt)
  end
  conclude(status, status == 'completed' and '{"result":' .. result .. '}' or '{}')
  return { 'ok' }
end

-- The same for a job that failed. `letter`: whether it becomes a dead letter.
function calls.fail(token, error, letter)
  if is_same_end(token, 'failed') then return { 'ok' } end
  local why_not = refusal(token)
  if why_not then return { why_not } end
  fail(error)
  if letter == '1' then bury(get('job_id'), get('message'), error) end
  return { 'ok' }
end

-- Give the job back, to be sent again after a delay. A handover is no failed attempt.
function calls.release(token, delay_ms, handover, reason, last_error)
  local why_not = refusal(token)
  if why_not then return { why_not } end
  let_go()
  redis.call('HINCRBY', job, 'handovers', handover)
  if last_error ~= '' then set('last_error', last_error) end
  redis.call('ZADD', watch, now + delay_ms, get('job_id'))
  emit('job.requeued', cjson.encode({ reason = reason }))
  return { 'ok', unpack(waiting_job()) }
end

-- Keep a message that can't become a job. `is_own`: it is the very message that its job was submitted with. If that
-- waits, it ends; if it is held, somebody could read the message.
function calls.refuse(letter_id, message, error, is_own)
  if is_own == '1' and get('status') == 'running' and not get('holder') then
    fail(error)
    letter_id = get('job_id')
  end
  bury(letter_id, message, error)
  return 'ok'
end

-- Ask for the end of a job. One that no worker ever began with ends here and now; a held one is asked to
-- stop; one that waits for another attempt goes to a worker, which removes what is stored.
function calls.cancel()
  local status = get('status')
  if not status then return 'missing' end
  if status ~= 'running' then return status end
  if get('stage') == 'finishing' and get('holder') then return 'unavailable' end
  if get('cancel_requested') == '1' then return 'accepted' end
  set('cancel_requested', 1)
  if get('attempts') == '0' then
    conclude('canceled', '{}')
  else
    emit('job.cancel_requested', '{}')
    -- One that waits for its next attempt needn't wait any longer.
    if redis.call('ZSCORE', watch, get('job_id')) and not get('holder') then
      redis.call('ZADD', watch, now, get('job_id'))
    end
  end
  return 'accepted'
end

-- In `due`, `overdue`, `expire` and `unpark`, KEYS[1] and [2] are the prefixes of jobs and their events.
local function at_their_time(list, most, again_ms, each, farthest_ms)
  local job_prefix, events_prefix, found = KEYS[1], KEYS[2], {}
  -- What lies further ahead than anything is ever put was put there before Redis's clock was set back. It gets a
  -- short time from now; a holder that lives renews its lease within that.
  if farthest_ms then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', list, now + farthest_ms, '+inf', 'LIMIT', 0, most)) do
      redis.call('ZADD', list, now + again_ms, id)
    end
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', list, '-inf', now, 'LIMIT', 0, most)) do
    job, events = job_prefix .. id, events_prefix .. id
    if get('status') ~= 'running' then
      redis.call('ZREM', list, id)
    else
      -- Put off, so that one reaper at a time acts on it.
      redis.call('ZADD', list, now + again_ms, id)
      found[#found + 1] = each(id)
    end
  end
  return found
end

-- Jobs to send now, each with whether it is held: then it lost its holder, and is let go.
function calls.due(most, resend_ms, farthest_ms)
  return at_their_time(watch, most, resend_ms, function()
    local holder = get('holder')
    if holder then
      let_go()
      emit('job.requeued', cjson.encode({ reason = 'LEASE_EXPIRED' }))
    end
    return { holder and '1' or '0', unpack(waiting_job()) }
  end, farthest_ms)
end

-- Jobs that wait for long, each with whether its message is surely lost: one sent much later was claimed.
function calls.overdue(most, lost_after_ms, farthest_ms)
  return at_their_time(sent, most, lost_after_ms, function()
    local overtaken = queues.passed(get('lane'), now) > tonumber(get('sent_at')) + lost_after_ms
    return { overtaken and '1' or '0', unpack(waiting_job()) }
  end, farthest_ms)
end

-- Fail the jobs that no worker began with in time.
function calls.expire(most, late)
  return at_their_time(expiring, most, 0, function(id)
    if is_late() and not get('holder') then fail(late) end
    redis.call('ZREM', expiring, id)
    return id
  end)
end

-- Parked jobs that got a slot, to be sent now.
function calls.unpark(most, limit, organisation_limit, resend_ms)
  local job_prefix, found = KEYS[1], {}
  local function field(id, name) return redis.call('HGET', job_prefix .. id, name) end
  for _, id in ipairs(projects.fill(most, limit, organisation_limit, now, field)) do
    job = job_prefix .. id
    redis.call('ZADD', watch, now + resend_ms, id)
    found[#found + 1] = waiting_job()
  end
  return found
end

return calls[ARGV[1]](unpack(ARGV, 4))
