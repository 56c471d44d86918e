"""The producer's client: submits, reads, watches and cancels jobs. Importing it loads neither torch nor boto3."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from ulid import ULID

from models.errors import CancelUnavailable, InvalidInput, WatchTimeout
from models.event import JobEvent
from models.influencer import Influencer
from models.job import CLONE, CREATE, CloneJob, CloneRequest, CreateJob, Job, JobMessage, ReferenceSource
from models.likeness import Subject
from models.record import CancelAnswer, JobRecord
from models.rules import Rules
from models.shot import DEFAULT_CREATE_SHOTS, DEFAULT_SHOTS
from worker.base.observers import tracing
from worker.base.settings import Settings
from worker.base.settings import settings as default_settings
from worker.queue.jobs import JobStore
from worker.queue.queue import JobQueue


def plan_clone(
    source: Influencer,
    request: CloneRequest,
    references: Sequence[ReferenceSource] | None = None,
    shots: Sequence[str] = DEFAULT_SHOTS,
    job_id: str | None = None,
    *,
    subject: Subject = "person",
    accept_partial: bool = False,
    callback_url: str | None = None,
    expires_at: datetime | None = None,
    organisation: str | None = None,
    tier: str | None = None,
) -> CloneJob:
    """Makes the message for a clone of `source`. Ids that aren't given are generated.

    Without `references`, it uses the source's own reference images, by their URLs. Raises InvalidInput,
    also for what no worker would render: people who aren't adults by their `ageRange`.
    """
    if references is None:
        references = [ReferenceSource(asset_id=r.asset_id, url=r.url) for r in source.reference_images]
    if not references:
        raise InvalidInput(
            f"{source.influencer_id} has no reference image, so there is no likeness to clone. Add one first."
        )
    job = CloneJob.parse(
        {
            "jobId": job_id or f"job_{ULID()}",
            "kind": CLONE,
            "source": source.to_data(),
            "influencerId": request.new_influencer_id or f"inf_{ULID()}",
            "name": request.name,
            "overrides": request.to_data().get("overrides", {}),
            "references": [reference.to_data() for reference in references],
            "shots": list(shots),
            "subject": subject,
            "acceptPartial": accept_partial,
            **_given(callbackUrl=callback_url, expiresAt=expires_at, organisation=organisation, tier=tier),
        }
    )
    _require_kept_rules(job)
    return job


def plan_create(
    persona: Influencer,
    shots: Sequence[str] = DEFAULT_CREATE_SHOTS,
    job_id: str | None = None,
    *,
    accept_partial: bool = False,
    callback_url: str | None = None,
    expires_at: datetime | None = None,
    organisation: str | None = None,
    tier: str | None = None,
) -> CreateJob:
    """Makes the message for the first reference images of `persona`, from its description alone.

    What isn't described is made up, depending on the job id: another id gives another person. Raises InvalidInput,
    also for what no worker would render: people who aren't adults by their `ageRange`.
    """
    job = CreateJob.parse(
        {
            "jobId": job_id or f"job_{ULID()}",
            "kind": CREATE,
            "persona": persona.to_data(),
            "shots": list(shots),
            "acceptPartial": accept_partial,
            **_given(callbackUrl=callback_url, expiresAt=expires_at, organisation=organisation, tier=tier),
        }
    )
    _require_kept_rules(job)
    return job


def _require_kept_rules(job: Job) -> None:
    """Raises InvalidInput. A producer can't know which profile renders the job, so the strictest counts."""
    if broken := Rules().broken_by(job):
        raise broken.as_input_error()


def _given(**optional: Any) -> dict[str, Any]:
    return {name: value for name, value in optional.items() if value is not None}


class JobClient:
    """Submits and follows jobs. Methods raise QueueUnavailable while Redis can't be reached."""

    def __init__(self, settings: Settings | None = None, *, patient: bool = True) -> None:
        """A `patient` client tries a call for up to a minute while Redis is silent; another one for ten seconds."""
        self._settings = settings or default_settings()
        self._store = JobStore(self._settings, patient=patient)
        self._queue = JobQueue(self._settings, self._store)

    def submit(self, job: Job) -> JobRecord:
        """Puts a job on the queue. A job submitted twice is still one job; raises IdempotencyConflict if the
        content under its id differs.

        Once the record exists, the job will run: if this process dies before the message is sent, or the
        broker refuses it, a worker's reaper sends it. Raises InvalidInput if `job` isn't a job.
        """
        if not isinstance(job, JobMessage):
            raise InvalidInput(
                f"A {type(job).__name__} is no job. Make one with `plan_clone` or `plan_create`, or of JSON with "
                "`parse_job`."
            )
        with tracing.span("submit", jobId=job.job_id):
            if waiting := self._store.submit(job):
                self._queue.send(waiting)
        return self._store.get(job.job_id)

    def cancel_lost(self, job: Job) -> None:
        """Cancels a job whose cancel was accepted before Redis lost its data. The job is recorded, and unless a
        worker holds it by now, it ends without being started."""
        self._store.submit(job)
        with suppress(CancelUnavailable):
            self._store.cancel(job.job_id)

    def get(self, job_id: str) -> JobRecord:
        """The job's record now. Raises NotFound."""
        return self._store.get(job_id)

    def watch(self, job_id: str, after: int = 0, timeout: float | None = None) -> Iterator[JobEvent]:
        """Yields every event with a sequence above `after` as it arrives, up to the terminal one.

        Events beyond the stream's cap (`event_limit`) are gone, which shows as a gap in the sequence.
        Raises NotFound, and WatchTimeout if the job isn't final `timeout` seconds from now.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            # The record is read before the events: if it is final and its events are behind us, no more will come.
            final = self._store.get(job_id).is_final
            seen = after
            for event in self._store.events(job_id, after, block=None if final else 1):
                after = event.sequence
                yield event
                if event.is_terminal:
                    return
            if final and after == seen:
                return
            if deadline is not None and time.monotonic() > deadline:
                raise WatchTimeout(f"{job_id} did not end within {timeout:g} s; it goes on.", jobId=job_id)

    def cancel(self, job_id: str) -> CancelAnswer:
        """Requests cancellation. It is cooperative, so keep watching. Raises NotFound, CancelUnavailable."""
        final = self._store.cancel(job_id)
        if final is None:
            return CancelAnswer(job_id=job_id, accepted=True)
        return CancelAnswer.too_late(final)
