"""Runs one attempt at a leased job, and acts on how it ends: complete, cancel, hand back, retry or fail."""

from dataclasses import dataclass
from typing import Protocol

import structlog

from models.errors import (
    AttemptsExhausted,
    CalibrationRefused,
    FaceModelMissing,
    LeaseLost,
    LikenessError,
    LikenessNotReached,
    ProfileLoadFailed,
    QueueUnavailable,
    SafetyModelMissing,
    StorageError,
    Unforeseen,
    WatermarkModelMissing,
)
from models.job import Job
from models.record import JobError, JobResult
from worker.base.observers.observer import Observer
from worker.base.settings import Settings
from worker.node.heartbeat import Heartbeat
from worker.node.store_watch import StoreWatch
from worker.queue.jobs import Claim, JobStore
from worker.queue.queue import JobQueue
from worker.run.drain import Drain
from worker.run.held import HandedBack, HeldJob, JobCanceled
from worker.run.imagestore import ImageStore

log = structlog.get_logger()


WORKER_IS_BROKEN = (
    ProfileLoadFailed,
    FaceModelMissing,
    CalibrationRefused,
    SafetyModelMissing,
    WatermarkModelMissing,
)
"""The errors of a worker that can't do any job: what one of its processes loads is missing, or unfit."""


class Place(Protocol):
    """What attempts need from the node that makes them."""

    settings: Settings
    name: str
    worker_id: str
    store: JobStore
    queue: JobQueue
    images: ImageStore
    store_watch: StoreWatch
    heartbeat: Heartbeat
    drain: Drain
    observer: Observer

    def attempt(self, job: Job, held: HeldJob) -> JobResult:
        """Does the job."""

    def give_up(self) -> None:
        """Shuts the worker down, since it can't render any more."""

    def must_hand_back(self) -> bool:
        """Whether jobs in hand must be handed back at once."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. `run` ends it, unless it raises LeaseLost or QueueUnavailable: then it couldn't be ended."""

    node: Place
    job: Job
    held: HeldJob
    claim: Claim

    def run(self) -> None:
        try:
            match self.claim.verdict:
                case "canceled":
                    raise JobCanceled
                case "exhausted":
                    raise _exhausted(self.claim)
                case _:
                    log.info("attempt.began", attempt=self.held.lease.attempt)
                    result = self.node.attempt(self.job, self.held)
                    self.held.complete(result)
                    log.info("job.completed", images=len(result.images))
        except JobCanceled:
            self._cancel()
        except HandedBack:
            self._hand_back()
        except WORKER_IS_BROKEN as error:
            # This worker, not the job.
            log.critical("node.broken", code=error.code, error=error.message)
            self.node.give_up()
            self.node.queue.send_again(self.held.hand_back())
        except (LeaseLost, QueueUnavailable):
            raise
        except LikenessError as error:
            if self.node.store_watch.is_to_blame(error):
                self._hand_back(error)
            else:
                self._fail(error)
        except Exception as error:
            log.exception("attempt.crashed")
            self._fail(unforeseen(error))

    def _hand_back(self, error: LikenessError | None = None) -> None:
        """Hands the job back to another worker, or to this one later. The attempt doesn't count."""
        error = error or self.node.store_watch.trouble
        waiting = self.held.retry(JobError.of(error), 0, uncounted=True) if error else self.held.hand_back()
        self.node.queue.send_again(waiting)
        log.info("job.handed_back", code=error.code if error else "WORKER_DRAINS")

    def _cancel(self) -> None:
        """Removes what is stored, then ends the job. While the store can't be reached, a later attempt does so. If
        that lasts, the job ends all the same, and `likeness gc` removes what is stored."""
        try:
            self.node.images.remove(self.job)
        except HandedBack:
            self._hand_back()
            return
        except LikenessError as error:
            log.warning("cleanup.failed", code=error.code, error=error.message)
            if self.node.store_watch.is_to_blame(error):
                self._hand_back(error)
                return
            if error.retryable and self.claim.begun_for < self.node.settings.outage_patience:
                self.held.retry(JobError.of(error), delay=5 * self.node.settings.retry_backoff)
                return
        self.held.end_canceled()
        log.info("job.canceled")

    def _fail(self, error: LikenessError) -> None:
        """Retries if that can help and attempts are left; otherwise the job fails for good."""
        counted = self.held.lease.counted
        log.warning("attempt.failed", code=error.code, error=error.message, counted=counted)
        waits = self._waits_for_store(error)
        if waits or (error.retryable and counted < self.node.settings.max_attempts):
            delay = self._backoff(self.held.lease.attempt if waits else counted)
            waiting = self.held.retry(JobError.of(error), delay, uncounted=waits)
            if not delay:
                self.node.queue.send_again(waiting)
            return
        # The job fails first: if it is another worker's by now, its images aren't ours to remove.
        self.held.fail(JobError.of(error))
        log.error("job.failed", code=error.code, error=error.message)
        try:
            self.node.images.remove(self.job, keep_evidence=isinstance(error, LikenessNotReached))
        except LikenessError as second:
            log.warning("cleanup.failed", code=second.code, error=second.message)
        except HandedBack:
            log.warning("cleanup.failed", error="There was no time left for it.")

    def _waits_for_store(self, error: LikenessError) -> bool:
        """Whether the attempt couldn't reach the store from the start, so that the job must wait for it.

        An attempt that fails later has cost the device's time, so it counts.
        """
        found_none = isinstance(error, StorageError) and error.retryable and self.held.stage == "fetching"
        return found_none and self.claim.begun_for < self.node.settings.outage_patience

    def _backoff(self, attempts: int) -> float:
        """The backoff: seconds until the next attempt, after so many `attempts`."""
        if attempts < 2:
            return 0
        # A larger exponent could exceed a float; by then, the maximum is reached.
        settings = self.node.settings
        return min(settings.retry_backoff * 2.0 ** min(attempts - 2, 64), settings.retry_backoff_max)


def _exhausted(claim: Claim) -> AttemptsExhausted:
    last = claim.last_error
    return AttemptsExhausted(
        "Every attempt ended early, so the job was given up."
        + (f" The last one: {last.message}" if last else " No attempt lived to say why."),
        **({"lastError": last.to_data()} if last else {}),
    )


def unforeseen(error: Exception) -> LikenessError:
    """The error that stands for an exception nobody foresaw."""
    # The exception's text may hold anything, so the message names only its type; the log has the rest.
    return Unforeseen(f"An unforeseen {type(error).__name__} ended the attempt; the worker's log has more.")
