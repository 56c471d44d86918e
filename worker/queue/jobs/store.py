"""The job store's Python side. store.lua and its two parts explain what a write means, and why it is safe."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from importlib import resources
from typing import Any, Literal
from uuid import uuid4

from pydantic_core import to_json

from models.errors import (
    CancelUnavailable,
    ContentRefused,
    DeadlineExceeded,
    IdempotencyConflict,
    LeaseLost,
    LikenessError,
    NoUsableReference,
    RecordLost,
)
from models.event import EventType
from models.job import Job
from models.manifest import Provenance
from models.record import JobError, JobRecord, JobResult, Stage
from worker.base.settings import Settings
from worker.queue.jobs.connection import guarded
from worker.queue.jobs.reader import JobReader, not_found

Verdict = Literal["claimed", "canceled", "exhausted", "expired", "parked", "held", "final", "conflict"]

# A waiting job whose message was sent is looked at again after this long, in milliseconds.
_LOST_AFTER_MS = 30_000
# The most characters of a refused message that are kept.
_MOST_REFUSED = 65_536
# Unchanged, these jobs would only fail again, so nobody needs to look after them.
_NO_LETTER = frozenset((NoUsableReference.code, ContentRefused.code, DeadlineExceeded.code))
_LATE = JobError.of(
    DeadlineExceeded(
        "No worker began with the job before its expiresAt. Give later jobs more time, or run more workers."
    )
).to_json()


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one job's state, as long as it is renewed and no other worker acquires the job.

    `attempt` counts all attempts at the job, `counted` those that weren't handed over by a draining worker.
    """

    job_id: str
    token: str
    attempt: int
    counted: int


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim. `lease` is set for `claimed`, and for `canceled` and `exhausted`, where the job only
    has to be cleaned up and finished. `age` and `begun_for`: seconds since the job was submitted and since a worker
    first began with it, by Redis's clock."""

    verdict: Verdict
    lease: Lease | None = None
    last_error: JobError | None = None
    age: float = 0
    begun_for: float = 0


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A job that waits for a worker, and the message to send for it. `lane`: the queue that one was last sent to.
    `lost_holder`: whether it waits because its holder's lease has just expired."""

    job_id: str
    message: str
    token: str
    project_id: str
    is_begun: bool = False
    lane: str = ""
    lost_holder: bool = False


class JobStore(JobReader):
    """Reads and writes the state of jobs. Methods raise QueueUnavailable while Redis can't be reached.

    Those that take a Lease raise LeaseLost once another worker has the job or it is final, and RecordLost once
    there is no such job. They then write nothing.
    """

    def __init__(self, settings: Settings, *, patient: bool = True, shows_place: bool = False) -> None:
        """`patient`, `shows_place`: as for JobReader."""
        super().__init__(settings, patient=patient, shows_place=shows_place)
        self.lease_ttl = settings.lease_ttl
        self._limits = (settings.project_limit or "", settings.organisation_limit or "")
        sources = resources.files("worker.queue.jobs")
        script = "".join(
            sources.joinpath(name).read_text() for name in ("slots.lua", "lanes.lua", "store.lua")
        )
        self._script = self._redis.register_script(script)

    @property
    def _farthest_ms(self) -> int:
        """The longest time ahead that a job is put on the watch list for."""
        configured = self._settings
        return _ms(
            configured.lease_ttl
            + configured.resend_after
            + configured.retry_backoff_max
            + 5 * configured.retry_backoff
        )

    def submit(self, job: Job) -> WaitingJob | None:
        """Records a new job, to be sent by the caller. None if it is known already, or parked since it got no slot.
        Raises IdempotencyConflict if it is known with other content."""
        resend_after = _ms(self._settings.resend_after)
        verdict, *fields = self._call(job.job_id, "submit", *_identity(job), resend_after, *self._limits)
        if verdict == "conflict":
            raise conflict(job.job_id)
        return _waiting(fields) if verdict == "new" else None

    def sent(self, waiting: WaitingJob, lane: str) -> None:
        """Notes that the job's message is on the queue `lane`, unless the job has moved on meanwhile."""
        self._call(waiting.job_id, "sent", waiting.token, lane, _LOST_AFTER_MS)

    def claim(self, job: Job, holder: str, expires: datetime | None = None, worker: str = "") -> Claim:
        """Tries to become the job's holder. A job that was never submitted is recorded first; its deadline is then
        `expires`, if that is earlier than its own. `worker` names the holder in the job's record."""
        answer = self._call(
            job.job_id,
            "claim",
            *_identity(job, expires),
            uuid4().hex,
            holder,
            worker,
            _ms(self._settings.lease_ttl),
            self._settings.max_attempts,
            _LATE,
            *self._limits,
        )
        if len(answer) == 1:
            return Claim(answer[0])
        verdict, token, attempt, tries, last_error, age, begun_for = answer
        return Claim(
            verdict,
            Lease(job.job_id, token, int(attempt), int(tries)),
            JobError.read(last_error) if last_error else None,
            int(age) / 1000,
            int(begun_for) / 1000,
        )

    def renew(self, lease: Lease) -> bool:
        """Renews the lease for another term. True if the job must be canceled."""
        (cancel,) = self._held_call(lease, "renew", _ms(self._settings.lease_ttl))
        return cancel == "1"

    def update(
        self,
        lease: Lease,
        event: EventType | None,
        *,
        stage: Stage | None = None,
        progress: float | None = None,
        fields: dict[str, Any] | None = None,
        **data: Any,
    ) -> bool:
        """Writes state and publishes the event, if there is one, in one step. True if the job must be canceled.

        `progress` only ever rises. `fields` are further record fields, `data` the event's own, both as JSON
        data. A job that must be canceled doesn't enter `finishing`: nothing is written then.
        """
        pairs: list[Any] = []
        if stage is not None:
            pairs += ("stage", stage)
        if progress is not None:
            pairs += ("progress", f"{progress:.4f}")
        for name, value in (fields or {}).items():
            pairs += (name, json.dumps(value))
        (cancel,) = self._held_call(lease, "update", event or "", json.dumps(data), *pairs)
        return cancel == "1"

    def complete(self, lease: Lease, result: JobResult) -> None:
        self._held_call(lease, "finish", "completed", result.to_json())

    def fail(self, lease: Lease, error: JobError) -> None:
        """Ends the job. It becomes a dead letter in the same step, unless a retry would be pointless."""
        self._held_call(lease, "fail", error.to_json(), int(error.code not in _NO_LETTER))

    def end_canceled(self, lease: Lease) -> None:
        self._held_call(lease, "finish", "canceled", "")

    def release(
        self,
        lease: Lease,
        reason: str,
        *,
        delay: float = 0,
        handover: bool = False,
        error: JobError | None = None,
    ) -> WaitingJob:
        """Releases the job. A reaper sends it after `delay` seconds; without a delay the caller sends it, and a
        reaper does if that fails.

        `handover`: the attempt doesn't count towards `max_attempts`.
        """
        last_error = error.to_json() if error else ""
        wait = _ms(delay or self._settings.resend_after)
        return _waiting(self._held_call(lease, "release", wait, int(handover), reason, last_error))

    def due(self, most: int = 16) -> list[WaitingJob]:
        """Jobs that the caller must send now: their holder's lease expired, or they were never sent, or it is time
        for their next attempt."""
        # A live holder renews its lease within that time.
        again = max(self._settings.resend_after, self._settings.lease_ttl)
        found = self._run(self._keys(), "due", most, _ms(again), self._farthest_ms)
        return [replace(_waiting(fields), lost_holder=was_held == "1") for was_held, *fields in found]

    def overdue(self, most: int = 64) -> list[tuple[WaitingJob, bool]]:
        """Jobs whose message was sent a while ago and not claimed; True if the message is surely lost."""
        found = self._run(self._keys(), "overdue", most, _LOST_AFTER_MS, 2 * _LOST_AFTER_MS)
        return [(_waiting(fields), overtaken == "1") for overtaken, *fields in found]

    def unpark(self, most: int = 64) -> list[WaitingJob]:
        """Parked jobs that got a slot, to be sent now by the caller. If it doesn't send them, they become due."""
        found = self._run(self._keys(), "unpark", most, *self._limits, _ms(self._settings.resend_after))
        return [_waiting(fields) for fields in found]

    def cancel(self, job_id: str) -> JobRecord | None:
        """Requests the job's cancellation. None if that is accepted; the record if the job was final already.

        Raises NotFound, and CancelUnavailable while the result is being committed.
        """
        answer = self._call(job_id, "cancel")
        if answer == "missing":
            raise not_found(job_id)
        if answer == "unavailable":
            raise CancelUnavailable("The job is being finished and can't be canceled any more.", jobId=job_id)
        return None if answer == "accepted" else self.get(job_id)

    def provenance(self, job_id: str) -> Provenance:
        """The provenance that earlier attempts stored by `update`, in the field `provenance`."""
        noted = guarded(lambda: self._redis.hget(self._job_key(job_id), "provenance"))
        return Provenance.read(noted) if noted else Provenance()

    def expire(self, most: int = 64) -> list[str]:
        """Fails the jobs that no worker began with before their `expiresAt`, and returns their ids."""
        found: list[str] = self._run(self._keys(), "expire", most, _LATE)
        return found

    def refuse(self, message: Any, error: LikenessError, *, ends_job: bool = True) -> None:
        """Keeps a message that can't become a job, and the reason, as a dead letter. If it is the message of a
        waiting job, that job fails in the same step; without `ends_job`, nothing is done: it is sent again."""
        text = _text_of(message)
        job_id = message.get("jobId") if isinstance(message, dict) else None
        is_own = isinstance(job_id, str) and self._is_message_of(job_id, message)
        if is_own and not ends_job:
            return
        self._call(
            str(job_id) if is_own else "",
            "refuse",
            # The same message again is the same letter.
            f"msg_{sha256(text.encode()).hexdigest()[:24]}",
            text[:_MOST_REFUSED],
            JobError.of(error).to_json(),
            int(is_own),
        )

    def _is_message_of(self, job_id: str, message: Any) -> bool:
        if not job_id.isascii():
            return False
        known = guarded(lambda: self._redis.hget(self._job_key(job_id), "message"))
        return bool(known) and json.loads(known) == message

    def _held_call(self, lease: Lease, function: str, *args: Any) -> list[str]:
        answer: list[str]
        verdict, *answer = self._call(lease.job_id, function, lease.token, *args)
        if verdict == "missing":
            raise RecordLost("Redis no longer knows the job. Did it lose its data?", jobId=lease.job_id)
        if verdict != "ok":
            raise LeaseLost(f"The job is no longer this worker's ({verdict}).", jobId=lease.job_id)
        return answer

    def _call(self, job_id: str, function: str, *args: Any) -> Any:
        return self._run(self._keys(job_id), function, *args)

    def _keys(self, job_id: str = "") -> list[str]:
        names = ("watch", "sent", "lanes", "expiring", "hooks", "dead", "parked", "slots", "feed")
        shared = [f"{self._settings.redis_prefix}:{name}" for name in names]
        return [self._job_key(job_id), self._events_key(job_id), *shared]

    def _run(self, keys: list[str], function: str, *args: Any) -> Any:
        common = (function, self._settings.event_limit, int(self._settings.record_ttl))
        return guarded(lambda: self._script(keys=keys, args=[*common, *args]))


def _identity(job: Job, expires: datetime | None = None) -> tuple[str, ...]:
    deadlines = [str(_ms(given.timestamp())) for given in (job.expires_at, expires) if given]
    expires_at = min(deadlines, key=int, default="")
    return (
        job.job_id,
        job.to_json(),
        job.fingerprint,
        job.influencer_id,
        job.project_id,
        job.callback_url or "",
        expires_at,
        job.organisation or "",
    )


def _text_of(message: Any) -> str:
    """A message as JSON text that a letter can show again. If that fails, it is kept as JSON in a JSON string."""
    try:
        return to_json(message, fallback=repr).decode()
    except ValueError:
        # It has half a character, which JSON can express and UTF-8 can't, or is nested too deeply.
        with suppress(RecursionError):
            return json.dumps(json.dumps(message, default=repr))
        return '"It was nested too deeply to be kept."'


def _waiting(fields: Sequence[str]) -> WaitingJob:
    job_id, message, token, project_id, attempts, lane = fields
    return WaitingJob(job_id, message, token, project_id, attempts != "0", lane)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def conflict(job_id: str) -> IdempotencyConflict:
    return IdempotencyConflict(
        f"The job {job_id} exists with other content. Use a new job id for new content.", jobId=job_id
    )
