-- The slots of a project and of an organisation: the jobs that count against its limit, and those that wait for a
-- slot. This file runs in front of store.lua, as one script with it, and knows nothing of records.
--
-- KEYS  9 parked  zset    projects that have parked jobs, by the time at which to check whether they have room;
--                         `parked:<project>` is the zset of those jobs, by the time of their submission;
--                         `parked:@<organisation>` is the zset of its projects with such jobs, the next one first
--      10 slots   prefix  `slots:<project>` and `slots:@<organisation>` are the sets of the jobs that have a slot
--
-- A job takes its slots once, when it is sent or first claimed, and keeps them until it is final: attempts that end
-- early neither give them back nor wait for others. Otherwise a project whose jobs fail again and again would have
-- ever more of them begun, and begun jobs are served first. A set can't count a job twice, nor miss one. A project
-- belongs to one organisation. A job that names no organisation counts only for its project.

local parked, slots = KEYS[9], KEYS[10]
-- While a project has no room, it is looked at again after this long.
local look_again_ms = 1000

local projects = {}

local function slots_of(project, organisation)
  return slots .. ':' .. project, organisation and slots .. ':@' .. organisation
end

local function waiting_of(project) return parked .. ':' .. project end
local function turns_of(organisation) return parked .. ':@' .. organisation end

-- How many slots are free; nil where there is no limit. A `limit` of '' is none.
local function room_in(taken, limit)
  if not taken or limit == '' then return nil end
  return tonumber(limit) - redis.call('SCARD', taken)
end

-- The smaller room of the two, nil where neither has a limit.
local function room_of(taken, all, limit, organisation_limit)
  local own, common = room_in(taken, limit), room_in(all, organisation_limit)
  return own and common and math.min(own, common) or own or common
end

local function take(taken, all, id)
  redis.call('SADD', taken, id)
  if all then redis.call('SADD', all, id) end
end

-- Whether the job has its slots, now or since long.
function projects.admit(project, organisation, id, limit, organisation_limit)
  local taken, all = slots_of(project, organisation)
  if redis.call('SISMEMBER', taken, id) == 1 then return true end
  local room = room_of(taken, all, limit, organisation_limit)
  -- Nor does it overtake those of its project that wait.
  if room and (room <= 0 or redis.call('ZCARD', waiting_of(project)) > 0) then return false end
  take(taken, all, id)
  redis.call('ZREM', waiting_of(project), id)
  return true
end

-- Behind all others whose turn comes, also behind one that had its turn in the same millisecond.
local function last_place(organisation, now)
  local last = redis.call('ZRANGE', turns_of(organisation), -1, -1, 'WITHSCORES')[2]
  return math.max(tonumber(now), (tonumber(last) or 0) + 1)
end

function projects.park(project, organisation, id, submitted_at, now)
  redis.call('ZADD', waiting_of(project), submitted_at, id)
  redis.call('ZADD', parked, 'NX', now, project)
  if organisation then redis.call('ZADD', turns_of(organisation), 'NX', last_place(organisation, now), project) end
end

-- The project of the organisation whose turn it is: it was given slots longest ago.
local function next_of(organisation)
  local turns = turns_of(organisation)
  while true do
    local project = redis.call('ZRANGE', turns, 0, 0)[1]
    if not project or redis.call('EXISTS', waiting_of(project)) == 1 then return project end
    redis.call('ZREM', turns, project)
  end
end

-- The job is final. Its project is looked at next, or the one of its organisation whose turn it is.
function projects.leave(project, organisation, id, now)
  local taken, all = slots_of(project, organisation)
  redis.call('SREM', taken, id)
  redis.call('ZREM', waiting_of(project), id)
  if all then redis.call('SREM', all, id) end
  local follows = organisation and next_of(organisation) or project
  redis.call('ZADD', parked, 'XX', now, follows)
end

-- A slot of a job that is no more, or was ended by an older version, would never come back.
local function forget_ghosts(taken, is_running)
  for _, id in ipairs(taken and redis.call('SMEMBERS', taken) or {}) do
    if not is_running(id) then redis.call('SREM', taken, id) end
  end
end

-- Give free slots to parked jobs, `most` in all, and name the jobs. `field` reads one of a job's.
function projects.fill(most, limit, organisation_limit, now, field)
  local found = {}
  most = tonumber(most)
  local function is_running(id) return field(id, 'status') == 'running' end
  -- Nothing is put so far ahead: Redis's clock was set back since.
  for _, project in ipairs(redis.call('ZRANGEBYSCORE', parked, now + 2 * look_again_ms, '+inf', 'LIMIT', 0, most)) do
    redis.call('ZADD', parked, now, project)
  end
  for _, project in ipairs(redis.call('ZRANGEBYSCORE', parked, '-inf', now, 'LIMIT', 0, most)) do
    local waiting = waiting_of(project)
    local first = redis.call('ZRANGE', waiting, 0, 0)[1]
    local organisation = first and field(first, 'organisation')
    local taken, all = slots_of(project, organisation)
    local room = room_of(taken, all, limit, organisation_limit) or most
    if room <= 0 then
      forget_ghosts(taken, is_running)
      forget_ghosts(all, is_running)
    end
    -- Another of the organisation's projects comes first, and is looked at next.
    local follows = organisation and organisation_limit ~= '' and next_of(organisation) or project
    if follows ~= project then
      room = 0
      redis.call('ZADD', parked, 'XX', 'LT', now, follows)
    end
    local free = redis.call('ZPOPMIN', waiting, math.max(0, math.min(room, most - #found)))
    for i = 1, #free, 2 do
      if is_running(free[i]) then
        take(taken, all, free[i])
        found[#found + 1] = free[i]
      end
    end
    -- Whoever had its turn goes to the end, also if its own limit left it none.
    local own = room_in(taken, limit)
    if organisation and (#free > 0 or own and own <= 0) then
      redis.call('ZADD', turns_of(organisation), last_place(organisation, now), project)
    end
    if redis.call('EXISTS', waiting) == 0 then redis.call('ZREM', parked, project)
    elseif #found < most then redis.call('ZADD', parked, now + look_again_ms, project) end
  end
  return found
end

