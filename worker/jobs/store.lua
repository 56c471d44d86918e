-- The job store's writes. Each call is one atomic step; Redis's own clock is the only one.
--
-- KEYS  1 job      hash    the job: record fields, message, lease
--       2 events   stream  its events; an entry's id is `<sequence>-0`
--       3 watch    zset    job ids by the time (ms) at which some worker must look at them:
--                          held jobs when their lease runs out, waiting jobs when their message is overdue
-- ARGV  1 function, 2 event limit, 3 record ttl (s), then what the function takes
--
-- A job is held while `holder` is set. Its `token` grows with every claim and every loss of the lease, so
-- that a writer who shows an old one is refused. A final job's state never changes again.

local job, events, watch = KEYS[1], KEYS[2], KEYS[3]
local event_limit, record_ttl = ARGV[2], ARGV[3]

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function get(field) return redis.call('HGET', job, field) end
local function set(...) return redis.call('HSET', job, ...) end

local function emit(kind, data)
  local at = now()
  local sequence = redis.call('HINCRBY', job, 'sequence', 1)
  set('updated_at', at)
  redis.call('XADD', events, 'MAXLEN', '~', event_limit, sequence .. '-0', 'type', kind, 'at', at,
    'status', get('status'), 'stage', get('stage'), 'progress', get('progress'), 'data', data)
  return sequence
end

local function create(id, message, fingerprint, influencer, project)
  set('job_id', id, 'message', message, 'fingerprint', fingerprint, 'influencer_id', influencer,
    'project_id', project, 'status', 'running', 'stage', 'queued', 'progress', '0', 'attempts', 0,
    'handovers', 0, 'token', 0, 'sequence', 0, 'submitted_at', now())
  emit('job.submitted', '{}')
end

local function let_go()
  redis.call('HDEL', job, 'holder')
  redis.call('HINCRBY', job, 'token', 1)
  set('stage', 'queued', 'sent', 0)
end

local function conclude(status, data)
  redis.call('HDEL', job, 'holder')
  set('status', status, 'stage', 'done', 'finished_at', now())
  emit('job.' .. status, data)
  redis.call('ZREM', watch, get('job_id'))
  redis.call('EXPIRE', job, record_ttl)
  redis.call('EXPIRE', events, record_ttl)
end

-- Nil if the caller may write, else why not.
local function refusal(token)
  local status = get('status')
  if not status then return 'missing' end
  if status ~= 'running' then return 'final' end
  if get('token') ~= token or not get('holder') then return 'lost' end
  return nil
end

local calls = {}

-- A new job waits to be sent: until `sent` says so, it is on the watch list.
function calls.submit(id, message, fingerprint, influencer, project, resend_ms)
  local known = get('fingerprint')
  if known then return known == fingerprint and 'known' or 'conflict' end
  create(id, message, fingerprint, influencer, project)
  redis.call('ZADD', watch, now() + resend_ms, id)
  return 'new'
end

-- The message is in the queue. Someone looks again later, in case the queue loses it.
function calls.sent(token, lost_after_ms)
  if get('status') == 'running' and get('token') == token and not get('holder') then
    set('sent', 1)
    redis.call('ZADD', watch, now() + lost_after_ms, get('job_id'))
  end
  return 'ok'
end

-- Take the job, if nobody holds it. A claim may come without a submit: from a producer that only knows Celery.
function calls.claim(id, message, fingerprint, influencer, project, holder, lease_ms, max_attempts)
  local known = get('fingerprint')
  if not known then create(id, message, fingerprint, influencer, project)
  elseif known ~= fingerprint then return { 'conflict' } end
  if get('status') ~= 'running' then return { 'final' } end
  if get('holder') and tonumber(get('lease_until')) > now() then return { 'held' } end

  local verdict = 'claimed'
  if get('cancel_requested') == '1' then verdict = 'canceled'
  elseif get('attempts') - get('handovers') >= tonumber(max_attempts) then verdict = 'exhausted' end

  local token, lease_until = redis.call('HINCRBY', job, 'token', 1), now() + lease_ms
  set('holder', holder, 'lease_until', lease_until)
  redis.call('ZADD', watch, lease_until, id)
  if verdict == 'claimed' then
    local attempt = redis.call('HINCRBY', job, 'attempts', 1)
    redis.call('HSETNX', job, 'started_at', now())
    set('stage', 'fetching')
    emit('job.started', cjson.encode({ attempt = attempt }))
  end
  return { verdict, tostring(token), get('attempts'), get('attempts') - get('handovers'), get('last_error') or '' }
end

-- Keep the lease. Answers whether the job shall be canceled.
function calls.renew(token, lease_ms)
  local why_not = refusal(token)
  if why_not then return { why_not } end
  local lease_until = now() + lease_ms
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
    if name ~= 'progress' or tonumber(value) > tonumber(get('progress')) then set(name, value) end
  end
  if kind ~= '' then emit(kind, data) end
  return { 'ok', cancel }
end

-- The one write that makes a job final: state, event and lease together.
function calls.finish(token, status, field, value)
  local why_not = refusal(token)
  if why_not then return { why_not } end
  if field ~= '' then set(field, value) end
  if status == 'completed' then set('progress', '1') end
  conclude(status, field ~= '' and '{"' .. field .. '":' .. value .. '}' or '{}')
  return { 'ok', '0' }
end

-- Give the job back, to be sent again after a delay. A handover is no failed attempt.
function calls.release(token, delay_ms, handover, reason, last_error)
  local why_not = refusal(token)
  if why_not then return { why_not } end
  let_go()
  redis.call('HINCRBY', job, 'handovers', handover)
  if last_error ~= '' then set('last_error', last_error) end
  redis.call('ZADD', watch, now() + delay_ms, get('job_id'))
  emit('job.requeued', cjson.encode({ reason = reason }))
  return { 'ok', get('token') }
end

-- End a waiting job whose message no worker can read. One that is held was read by somebody.
function calls.refuse(value)
  if get('status') == 'running' and not get('holder') then
    set('error', value)
    conclude('failed', '{"error":' .. value .. '}')
  end
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
    if not get('holder') and get('sent') ~= '1' then redis.call('ZADD', watch, now(), get('job_id')) end
  end
  return 'accepted'
end

-- What the watch list has for this moment: KEYS[1] and [2] are prefixes here. A held job lost its holder and
-- is let go. Every job returned is put off by `resend_ms`, so that one reaper at a time sends it.
function calls.due(most, resend_ms, lost_after_ms)
  local job_prefix, events_prefix, found = KEYS[1], KEYS[2], {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', watch, '-inf', now(), 'LIMIT', 0, most)) do
    job, events = job_prefix .. id, events_prefix .. id
    if get('status') ~= 'running' then
      redis.call('ZREM', watch, id)
    else
      if get('holder') then
        let_go()
        emit('job.requeued', cjson.encode({ reason = 'LEASE_EXPIRED' }))
      end
      local sent = get('sent') or '0'
      redis.call('ZADD', watch, now() + (sent == '1' and lost_after_ms or resend_ms), id)
      found[#found + 1] = { id, get('message'), get('token'), sent }
    end
  end
  return found
end

return calls[ARGV[1]](unpack(ARGV, 4))
