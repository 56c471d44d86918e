"""What waits on the queue, by tier, and which workers hold what. For operators, not for each call.

No command grows with the jobs that wait: counts come from the lengths of lists and sets. Parked jobs are counted by
project. Jobs that aren't on a queue are read one by one: those that are held, and those that wait for their next
attempt.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.operations import Backlog, TierQueue, WorkerJob, WorkerState
from worker.base.settings import Settings
from worker.queue.fleet.presence import Presence
from worker.queue.jobs.connection import connect, guarded
from worker.queue.jobs.documents import time_of
from worker.queue.lanes import Lanes, lists_of

_PAGE = 1000
_LOOKED_AT = 5  # Messages of a list, for its oldest.
# Seconds for which an answer is given again. Operators' pages and scrapers ask at their own pace.
_LASTS = 2.0
_FIELDS = ("status", "holder", "held_since", "project_id", "tier")

# A page of the projects that have parked jobs: how many these are in all.
# KEYS 1 zset of the projects. ARGV: first and last place.
_COUNT_PARKED = """
local count = 0
local projects = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2])
for _, project in ipairs(projects) do count = count + redis.call('ZCARD', KEYS[1] .. ':' .. project) end
return { #projects, count }
"""


# The messages on some lists, and for how long (ms) the oldest of them has been there, by its job. Of those that are
# taken next from each list, in case the very first is of a job that is over, or of none.
# KEYS: the lists. ARGV: the prefix of jobs' keys; how many messages of a list to look at.
_LOOK_AT_LISTS = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count, longest = 0, 0
for _, list in ipairs(KEYS) do
  count = count + redis.call('LLEN', list)
  for place = 1, tonumber(ARGV[2]) do
    -- Not LRANGE: Redis would count from the list's other end.
    local message = redis.call('LINDEX', list, -place)
    if not message then break end
    local is_read, content = pcall(cjson.decode, message)
    local headers = is_read and type(content) == 'table' and content.headers
    -- A task's id, which is the job's where a producer of ours has sent it.
    local id = type(headers) == 'table' and headers.id
    if type(id) == 'string' then
      local job = redis.call('HMGET', ARGV[1] .. id, 'status', 'sent_at')
      if job[1] == 'running' and job[2] then longest = math.max(longest, now - job[2]) end
    end
  end
end
return { count, longest }
"""


@dataclass(frozen=True, slots=True)
class _Held:
    job_id: str
    node: str
    since: datetime | None
    tier: str


class BacklogReader:
    """Reads the backlog. Safe to share between threads."""

    def __init__(self, settings: Settings, *, patient: bool = True) -> None:
        """`patient`: as for `connect`."""
        self._prefix = settings.redis_prefix
        self._lanes = Lanes(settings)
        self._named = [project for projects in settings.tiers.values() for project in projects]
        self._presence = Presence(settings, patient=patient)
        self._redis = connect(settings, patient=patient)
        self._count_parked = self._redis.register_script(_COUNT_PARKED)
        self._look_at_lists = self._redis.register_script(_LOOK_AT_LISTS)
        self._reading = threading.Lock()
        self._last: tuple[Backlog, float] | None = None

    def read(self) -> Backlog:
        """The backlog now, or as it was up to two seconds ago. Raises QueueUnavailable."""
        # Who comes meanwhile waits, and gets the same answer.
        with self._reading:
            if self._last is None or time.monotonic() >= self._last[1]:
                self._last = (self._look(), time.monotonic() + _LASTS)
            return self._last[0]

    def _look(self) -> Backlog:
        unsent: Counter[str] = Counter()
        held: list[_Held] = []
        for job_id, fields in self._watched():
            tier = self._lanes.tier_of(fields["project_id"], fields["tier"])
            if fields["holder"]:
                since = time_of(fields["held_since"]) if fields["held_since"] else None
                held.append(_Held(job_id, fields["holder"], since, tier))
            else:
                unsent[tier] += 1
        parked, holds = self._parked(), Counter(job.tier for job in held)
        lengths, oldest = self._queues()
        tiers = tuple(
            TierQueue(
                tier=tier,
                waiting=lengths[tier] + unsent[tier],
                parked=parked[tier],
                held=holds[tier],
                oldest_waiting_seconds=oldest[tier],
            )
            for tier in self._lanes.tiers
        )
        letters, hooks = self._pipelined(
            [("ZCARD", f"{self._prefix}:dead"), ("ZCARD", f"{self._prefix}:hooks")]
        )
        workers = self._workers(held)
        ends = [worker.signer_ends for worker in workers if worker.signer_ends]
        return Backlog(
            tiers=tiers,
            workers=workers,
            dead_letters=letters,
            webhooks_pending=hooks,
            signer_ends=min(ends) if ends else self._presence.last_signer_ends(),
        )

    def _watched(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Running jobs that some worker must act on at a time of their own: those that are held, and those that
        wait for their next attempt or to be sent."""
        start, seen = 0, set[str]()
        while True:
            (ids,) = self._pipelined([("ZRANGE", f"{self._prefix}:watch", start, start + _PAGE - 1)])
            # The order is by time, which changes meanwhile.
            new = [job_id for job_id in ids if job_id not in seen]
            seen.update(new)
            rows = self._pipelined([("HMGET", f"{self._prefix}:job:{job_id}", *_FIELDS) for job_id in new])
            for job_id, row in zip(new, rows, strict=True):
                fields = dict(zip(_FIELDS, row, strict=True))
                if fields["status"] == "running":
                    yield job_id, fields
            if len(ids) < _PAGE:
                return
            start += _PAGE

    def _parked(self) -> Counter[str]:
        key, parked, total, start = f"{self._prefix}:parked", Counter[str](), 0, 0
        counts = self._pipelined([("ZCARD", f"{key}:{project}") for project in self._named])
        for project, count in zip(self._named, counts, strict=True):
            parked[self._lanes.tier_of(project)] += count
        projects = _PAGE
        while projects == _PAGE:
            places = (start, start + _PAGE - 1)
            projects, count = guarded(lambda at=places: self._count_parked([key], at))
            total, start = total + count, start + _PAGE
        # All projects that no tier names are in the default one.
        parked[self._lanes.tier_of("")] += max(0, total - sum(counts))
        return parked

    def _queues(self) -> tuple[Counter[str], dict[str, float]]:
        """The messages on each tier's queues, and for how many seconds the oldest has been there."""
        lengths, oldest = Counter[str](), defaultdict[str, float](float)
        arguments = (f"{self._prefix}:job:", _LOOKED_AT)
        for tier in self._lanes.tiers:
            lists = [name for queue in self._lanes.queues_of(tier) for name in lists_of(queue)]
            count, waited_ms = guarded(lambda keys=lists: self._look_at_lists(keys, arguments))
            lengths[tier], oldest[tier] = count, waited_ms / 1000
        return lengths, oldest

    def _workers(self, held: Sequence[_Held]) -> tuple[WorkerState, ...]:
        jobs: defaultdict[str, list[WorkerJob]] = defaultdict(list)
        for job in held:
            jobs[job.node].append(WorkerJob(job_id=job.job_id, since=job.since))
        live = {worker.node: worker for worker in self._presence.workers()}
        silent = {
            node: WorkerState(node=node, reasons=("it is silent",)) for node in jobs.keys() - live.keys()
        }
        return tuple(
            worker.model_copy(update={"jobs": tuple(sorted(jobs[node], key=lambda job: job.job_id))})
            for node, worker in sorted((live | silent).items())
        )

    def _pipelined(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        if not commands:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)  # type: ignore[no-untyped-call]
        found: list[Any] = guarded(pipe.execute)
        return found
