-- A project's slots: which of its jobs count against its limit, and which wait for one. Runs in front of store.lua, as
-- one script with it, and knows nothing of records.
--
-- KEYS  9 parked  zset    projects that have parked jobs, by the time at which to look whether they have room;
--                         `parked:<project>` is the zset of those jobs, by the time of their submission
--      10 slots   prefix  `slots:<project>` is the set of the project's jobs that have a slot
--
-- A job takes its slot once, when it is sent or first claimed, and has it until it is final: attempts that end early
-- neither give it back nor wait for another. Else a project whose jobs fail again and again would have ever more
-- of them begun, and those are served first. A set can't count a job twice, nor miss one.

local parked, slots = KEYS[9], KEYS[10]
-- While a project has no room, it is looked at again after this long.
local look_again_ms = 1000

local projects = {}

-- Whether the job has a slot, now or since long. A `limit` of '' is none.
function projects.admit(project, id, limit)
  local taken, waiting = slots .. ':' .. project, parked .. ':' .. project
  if redis.call('SISMEMBER', taken, id) == 1 then return true end
  -- Nor does it overtake those of its project that wait.
  if limit ~= '' and (redis.call('SCARD', taken) >= tonumber(limit) or redis.call('ZCARD', waiting) > 0) then
    return false
  end
  redis.call('SADD', taken, id)
  redis.call('ZREM', waiting, id)
  return true
end

function projects.park(project, id, submitted_at, now)
  redis.call('ZADD', parked .. ':' .. project, submitted_at, id)
  redis.call('ZADD', parked, 'NX', now, project)
end

-- The job is final. Its project is looked at next.
function projects.leave(project, id, now)
  redis.call('SREM', slots .. ':' .. project, id)
  redis.call('ZREM', parked .. ':' .. project, id)
  redis.call('ZADD', parked, 'XX', now, project)
end

-- A slot of a job that is no more, or was ended by an older version, would never come back.
local function forget_ghosts(taken, is_running)
  for _, id in ipairs(redis.call('SMEMBERS', taken)) do
    if not is_running(id) then redis.call('SREM', taken, id) end
  end
end

-- Give free slots to parked jobs, `most` in all, and name the jobs.
function projects.fill(most, limit, now, is_running)
  local found = {}
  most = tonumber(most)
  -- Nothing is put so far ahead: Redis's clock was set back since.
  for _, project in ipairs(redis.call('ZRANGEBYSCORE', parked, now + 2 * look_again_ms, '+inf', 'LIMIT', 0, most)) do
    redis.call('ZADD', parked, now, project)
  end
  for _, project in ipairs(redis.call('ZRANGEBYSCORE', parked, '-inf', now, 'LIMIT', 0, most)) do
    local taken, waiting = slots .. ':' .. project, parked .. ':' .. project
    local room = limit == '' and most or limit - redis.call('SCARD', taken)
    if room <= 0 then forget_ghosts(taken, is_running) end
    local free = redis.call('ZPOPMIN', waiting, math.max(0, math.min(room, most - #found)))
    for i = 1, #free, 2 do
      if is_running(free[i]) then
        redis.call('SADD', taken, free[i])
        found[#found + 1] = free[i]
      end
    end
    if redis.call('EXISTS', waiting) == 0 then redis.call('ZREM', parked, project)
    elseif #found < most then redis.call('ZADD', parked, now + look_again_ms, project) end
  end
  return found
end

