"""A job this worker has leased. All its state changes go through here; `raise_if_unwanted` says whether to stop."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from models.errors import LeaseLost
from models.event import EventType
from models.likeness import MissedImage
from models.manifest import Provenance
from models.record import (
    JobError,
    JobResult,
    JobStatus,
    NotedReference,
    RejectedReference,
    Stage,
    StoredImage,
)
from models.safety import RefusedImage
from worker.base.observers.observer import Observer
from worker.queue.jobs import JobStore, Lease, WaitingJob
from worker.run.drain import Drain

# The least progress of a job that enters a stage.
_REACHED: dict[Stage, float] = {"rendering": 0.05, "storing": 0.9, "finishing": 0.98}


class JobCanceled(Exception):
    """Somebody requested the job's cancellation."""


class HandedBack(Exception):
    """This worker drains or can't store anything; the job goes on elsewhere."""


class HeldJob:
    """Wraps a lease. Methods that write raise LeaseLost once the job is another worker's.

    `lease_until` is when the lease runs out unless it is renewed, by this machine's monotonic clock.
    Every `raise_if_unwanted` calls `must_hand_back`.
    """

    def __init__(
        self,
        store: JobStore,
        lease: Lease,
        drain: Drain,
        lease_until: float,
        observer: Observer | None = None,
        *,
        must_hand_back: Callable[[], bool] = lambda: False,
    ) -> None:
        self.lease = lease
        self.stage: Stage = "fetching"
        self.observer = observer or Observer()
        self._entered = time.monotonic()
        self._store = store
        self._drain = drain
        self._must_hand_back = must_hand_back
        self._lease_until = lease_until
        self._lost: LeaseLost | None = None
        self._cancel = False
        self._on_device = False
        self._rejected: list[dict[str, Any]] | None = None

    def raise_if_unwanted(self) -> None:
        """Raises LeaseLost, JobCanceled or HandedBack if the job must stop here. It is cheap, and called often."""
        self._raise_if_lost_or_canceled()
        leaves = self._drain.overdue or (self._drain.begun and not self._on_device)
        if leaves or self._must_hand_back():
            raise HandedBack

    def _raise_if_lost_or_canceled(self) -> None:
        """Raises LeaseLost or JobCanceled if nobody wants what this worker has made so far."""
        if self._lost:
            raise self._lost
        if self._cancel:
            raise JobCanceled

    def confirm(self) -> None:
        """Makes sure, before a write to anywhere but the job store, that the job is this worker's and is wanted.

        A process that was stopped for a while, or cut off from Redis, can't know. Raises LeaseLost, JobCanceled or
        QueueUnavailable.
        """
        if time.monotonic() > self._lease_until:
            self.renew()
        self._raise_if_lost_or_canceled()

    def renew(self) -> None:
        """Renews the lease. Called by the heartbeat. Raises QueueUnavailable."""
        asked = time.monotonic()
        try:
            self._cancel = self._store.renew(self.lease) or self._cancel
            self._lease_until = asked + self._store.lease_ttl
        except LeaseLost as error:
            self._lost = error

    def enter(self, stage: Stage) -> None:
        """Begins a stage. Raises JobCanceled if cancellation was requested."""
        structlog.contextvars.bind_contextvars(stage=stage)
        self._on_device = self._on_device or stage == "rendering"
        self._update("job.stage", stage=stage, progress=_REACHED[stage], fields=self._fields())
        self._leave(stage)
        if self._cancel:
            raise JobCanceled

    def references_checked(self, rejected: Sequence[RejectedReference]) -> None:
        """Records and publishes references that can't be used. A second call adds further ones."""
        told = [reference.to_data() for reference in rejected]
        self._rejected = [*(self._rejected or ()), *told]
        for reference in told:
            self._update("job.reference_rejected", fields=self._fields(), reference=reference)

    def note(self, provenance: Provenance) -> None:
        """Records where the images come from, for this attempt's manifest or a later one's."""
        self._update(None, fields={"provenance": provenance.to_data()})

    def reference_noted(self, noted: NotedReference, provenance: Provenance) -> None:
        """Publishes that a reference conditioned the images less than it could have. `provenance` has the note."""
        fields = provenance.to_data()
        written = {"provenance": fields, "reference_notes": fields["referenceNotes"]}
        self._update("job.reference_noted", fields=written, noted=noted.to_data())

    def noted(self) -> Provenance:
        """The provenance that earlier attempts recorded."""
        return self._store.provenance(self.lease.job_id)

    def step_done(self, shot: str, step: int, steps: int, rendered: float) -> None:
        """Publishes a denoising step. `rendered` is the share of all steps that is done, 0 to 1."""
        begun, ended = _REACHED["rendering"], _REACHED["storing"]
        progress = begun + (ended - begun) * rendered
        self._update("job.progress", progress=progress, shot=shot, step=step, steps=steps)

    def image_stored(self, image: StoredImage) -> None:
        """Publishes an image that is in the store. Others may still be on the device."""
        self._update("job.image_stored", image=image.to_data())
        self.observer.image_stored(self.lease.job_id, image)

    def image_missed(self, missed: MissedImage) -> None:
        """Publishes an image that wasn't taken."""
        self._update("job.image_missed", missed=missed.to_data())
        self.observer.image_missed(self.lease.job_id, missed)

    def image_refused(self, refused: RefusedImage) -> None:
        """Publishes that the safety gate refused an image."""
        self._update("job.image_refused", refused=refused.to_data())
        self.observer.image_refused(self.lease.job_id, refused)

    def complete(self, result: JobResult) -> None:
        self._store.complete(self.lease, result)
        self._ended("completed")

    def fail(self, error: JobError) -> None:
        self._store.fail(self.lease, error)
        self._ended("failed", error.code)

    def end_canceled(self) -> None:
        self._store.end_canceled(self.lease)
        self._ended("canceled")

    def hand_back(self) -> WaitingJob:
        """Releases the job for another worker. The attempt doesn't count. The caller sends the job."""
        return self._release("WORKER_DRAINS", handover=True)

    def retry(self, error: JobError, delay: float, *, uncounted: bool = False) -> WaitingJob:
        """Releases the job for another attempt after `delay` seconds. `uncounted`: this attempt doesn't count."""
        return self._release(error.code, delay=delay, error=error, handover=uncounted)

    def _release(self, reason: str, **how: Any) -> WaitingJob:
        waiting = self._store.release(self.lease, reason, **how)
        self._leave("queued")
        self.observer.attempt_ended_early(self.lease.job_id, reason)
        return waiting

    def _ended(self, status: JobStatus, code: str = "") -> None:
        self._leave("done")
        self.observer.job_ended(self.lease.job_id, status, code)

    def _leave(self, stage: Stage) -> None:
        """Reports the end of the current stage, and moves on to `stage`."""
        now = time.monotonic()
        self.observer.stage_ended(self.lease.job_id, self.stage, now - self._entered)
        self.stage, self._entered = stage, now

    def _fields(self) -> dict[str, Any]:
        # Written even if there are none: an earlier attempt may have left some.
        return {} if self._rejected is None else {"rejected_references": self._rejected}

    def _update(self, event: EventType | None, **written: Any) -> None:
        self._cancel = self._store.update(self.lease, event, **written) or self._cancel
