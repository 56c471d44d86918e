"""Reads the state of jobs: records, standings and events."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from models.errors import NotFound
from models.event import JobEvent
from models.record import JobRecord, JobStatus
from worker.base.settings import Settings
from worker.queue.jobs.connection import connect, guarded
from worker.queue.jobs.documents import event_from, record_from
from worker.queue.jobs.places import Places


@dataclass(frozen=True, slots=True)
class Standing:
    """A job's progress in short. `is_begun`: whether a worker has begun with it, now or earlier."""

    status: JobStatus
    is_begun: bool


class JobReader:
    """Reads the state of jobs. Methods raise QueueUnavailable while Redis can't be reached."""

    def __init__(self, settings: Settings, *, patient: bool = True, shows_place: bool = False) -> None:
        """`patient`: as for `connect`. `shows_place`: whether `records` estimates the places of queued jobs."""
        self._settings = settings
        self._redis = connect(settings, patient=patient)
        self._places = Places(settings, self._redis) if shows_place else None

    def get(self, job_id: str) -> JobRecord:
        """The job's record. Raises NotFound."""
        fields = guarded(lambda: self._redis.hgetall(self._job_key(job_id)))
        if not fields:
            raise not_found(job_id)
        return record_from(cast("dict[str, str]", fields))

    def records(self, job_ids: Sequence[str]) -> list[JobRecord | None]:
        """The records of many jobs, in one round trip. None for an unknown job."""
        found = self._pipelined(lambda pipe, job_id: pipe.hgetall(self._job_key(job_id)), job_ids)
        places = self._places.of(found) if self._places else [None] * len(found)
        return [
            record_from(fields, place) if fields else None
            for fields, place in zip(found, places, strict=True)
        ]

    def standings(self, job_ids: Sequence[str]) -> list[Standing | None]:
        """The standings of many jobs, in one round trip and without their results. None for an unknown job."""
        names = ("status", "attempts")
        found = self._pipelined(lambda pipe, job_id: pipe.hmget(self._job_key(job_id), names), job_ids)
        return [Standing(status, attempts != "0") if status else None for status, attempts in found]

    def events(self, job_id: str, after: int = 0, block: float | None = None) -> Iterator[JobEvent]:
        """The kept events with a sequence above `after`, 1000 at most. `block`: seconds to wait for the first."""
        stream = self._events_key(job_id)
        block_ms = None if block is None else max(1, int(block * 1000))
        answer = guarded(lambda: self._redis.xread({stream: f"{after}-0"}, count=1000, block=block_ms))
        for _, entries in cast("list[tuple[str, list[tuple[str, dict[str, str]]]]]", answer or []):
            for entry_id, fields in entries:
                yield event_from(job_id, entry_id, fields)

    def events_of(self, after: Mapping[str, int], most: int = 100) -> dict[str, list[JobEvent]]:
        """The kept events of many jobs, in one round trip. `after`: for each job, the sequence that its events must
        be above; `most`: the limit for one job. Jobs without events are left out."""
        ids = {self._events_key(job_id): job_id for job_id in after}
        places = {key: f"{after[job_id]}-0" for key, job_id in ids.items()}
        answer = guarded(lambda: self._redis.xread(cast("dict[Any, Any]", places), count=most)) if ids else []
        found = cast("list[tuple[str, list[tuple[str, dict[str, str]]]]]", answer or [])
        return {
            ids[key]: [event_from(ids[key], entry_id, fields) for entry_id, fields in entries]
            for key, entries in found
        }

    def _pipelined(self, ask: Callable[[Any, str], Any], job_ids: Sequence[str]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            ask(pipe, job_id)
        found: list[Any] = guarded(pipe.execute)
        return found

    def _job_key(self, job_id: str) -> str:
        return f"{self._settings.redis_prefix}:job:{job_id}"

    def _events_key(self, job_id: str) -> str:
        return f"{self._settings.redis_prefix}:events:{job_id}"


def not_found(job_id: str) -> NotFound:
    return NotFound("There is no such job. It may have expired.", jobId=job_id)
