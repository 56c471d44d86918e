"""From a message to an outcome: who may work on the job, and what becomes of each way in which work ends."""

import time
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog

from models.errors import (
    AttemptsExhausted,
    CalibrationRefused,
    CancelUnavailable,
    DeadlineExceeded,
    FaceModelMissing,
    IdempotencyConflict,
    InvalidInput,
    LeaseLost,
    LikenessError,
    LikenessNotReached,
    ProfileLoadFailed,
    QueueUnavailable,
    RecordLost,
    StorageError,
    Unforeseen,
)
from models.job import Job, parse_job
from models.record import JobError
from worker.base.observers import tracing
from worker.node.node import Node
from worker.queue.jobs import Claim, conflict
from worker.run.held import HandedBack, HeldJob, JobCanceled

log = structlog.get_logger()


def handle(node: Node, message: Any, *, expires: datetime | None = None, is_unwanted: bool = False) -> None:
    """Do what can be done about one message. Never raises for what is in it.

    A job that only this message tells of has until `expires` to be begun. `is_unwanted`: it is to be canceled.

    When this returns, the job is final, or another worker's, or due to be sent again: the message has
    served its purpose. Raises QueueUnavailable if nothing could be done; then it has not.
    """
    try:
        _handle(node, message, expires, is_unwanted)
    except QueueUnavailable:
        raise
    except Exception as error:
        log.exception("message.crashed")
        node.store.refuse(message, _unforeseen(error), ends_job=False)


def _handle(node: Node, message: Any, expires: datetime | None, is_unwanted: bool) -> None:
    try:
        job = parse_job(message)
    except InvalidInput as error:
        node.store.refuse(message, error)
        log.error("message.refused", code=error.code, error=error.message)
        return
    with structlog.contextvars.bound_contextvars(jobId=job.job_id, stage="queued"):
        if is_unwanted:
            _call_off(node, job)
        if node.drain.begun or node.must_hand_back():
            node.queue.put_back(job.job_id, job.to_data(), job.project_id, expires)
            return
        while not _take(node, job, message, expires):
            log.warning("job.claimed_again")


def _call_off(node: Node, job: Job) -> None:
    """Cancel the job. One that nobody knows yet is recorded, so that its end can be told."""
    with suppress(IdempotencyConflict, CancelUnavailable):
        node.store.submit(job)
        node.store.cancel(job.job_id)


def _take(node: Node, job: Job, message: Any, expires: datetime | None) -> bool:
    """Claim the job and work on it. False if that is to be done again, for this message may be all that is left of
    the job: Redis lost it, or was away, and may come back without it."""
    structlog.contextvars.bind_contextvars(stage="queued")
    claim, claimed_at = _claim(node, job, expires)
    if claim.verdict == "conflict":
        node.store.refuse(message, conflict(job.job_id))
    if claim.lease is None:
        log.info("message.dropped", why=claim.verdict)
        if claim.verdict == "expired":
            node.observer.job_ended(job.job_id, "failed", DeadlineExceeded.code)
        return True
    is_first = claim.verdict == "claimed" and claim.lease.attempt == 1
    node.observer.attempt_began(job, claim.lease.attempt, claim.age if is_first else None)
    structlog.contextvars.bind_contextvars(stage="fetching")
    lease_until = claimed_at + node.settings.lease_ttl
    held = HeldJob(
        node.store,
        claim.lease,
        node.drain,
        lease_until,
        node.observer,
        must_hand_back=node.must_hand_back,
    )
    with node.heartbeat.keeping(held):
        is_settled = _work(node, job, held, claim)
    _make_room_known(node)
    return is_settled


def _claim(node: Node, job: Job, expires: datetime | None) -> tuple[Claim, float]:
    """The claim, and when it was asked for. Waits for Redis: before the claim, the store may not know the job."""
    while True:
        asked = time.monotonic()
        try:
            return node.store.claim(job, node.name, expires), asked
        except QueueUnavailable as error:
            if node.drain.begun:
                raise
            log.warning("redis.unavailable", error=error.message)
            time.sleep(1)


def _work(node: Node, job: Job, held: HeldJob, claim: Claim) -> bool:
    """Whether the job is final, another worker's, or due to be sent again."""
    try:
        with tracing.span("attempt", jobId=job.job_id, attempt=held.lease.attempt):
            _attempt(node, job, held, claim)
    except LeaseLost as error:
        log.warning("lease.lost", code=error.code, error=error.message)
        node.observer.attempt_ended_early(job.job_id, error.code)
        return not isinstance(error, RecordLost)
    except QueueUnavailable as error:
        # Nothing can be written now. Should Redis come back while the lease is this worker's still, that runs out,
        # and a reaper sends the job again.
        log.error("job.abandoned", error=error.message)
        node.observer.attempt_ended_early(job.job_id, error.code)
        return node.drain.begun
    return True


def _make_room_known(node: Node) -> None:
    """The job may be over: then one of its project that is parked can go. A reaper would see it within a second."""
    try:
        node.queue.send_parked()
    except QueueUnavailable as error:
        log.warning("redis.unavailable", error=error.message)


def _attempt(node: Node, job: Job, held: HeldJob, claim: Claim) -> None:
    try:
        match claim.verdict:
            case "canceled":
                raise JobCanceled
            case "exhausted":
                raise _exhausted(claim)
            case _:
                log.info("attempt.began", attempt=held.lease.attempt)
                result = node.attempt(job, held)
                held.complete(result)
                log.info("job.completed", images=len(result.images))
    except JobCanceled:
        _cancel(node, job, held, claim)
    except HandedBack:
        _hand_back(node, held)
    except (ProfileLoadFailed, FaceModelMissing, CalibrationRefused) as error:
        # It is this worker that is broken, not the job.
        log.critical("node.broken", code=error.code, error=error.message)
        node.give_up()
        node.queue.send_again(held.hand_back())
    except (LeaseLost, QueueUnavailable):
        raise
    except LikenessError as error:
        if node.store_watch.is_to_blame(error):
            _hand_back(node, held, error)
        else:
            _fail(node, job, held, claim, error)
    except Exception as error:
        log.exception("attempt.crashed")
        _fail(node, job, held, claim, _unforeseen(error))


def _hand_back(node: Node, held: HeldJob, error: LikenessError | None = None) -> None:
    """Leave the job to another worker, or to this one later. The attempt doesn't count."""
    error = error or node.store_watch.trouble
    waiting = held.retry(JobError.of(error), 0, uncounted=True) if error else held.hand_back()
    node.queue.send_again(waiting)
    log.info("job.handed_back", code=error.code if error else "WORKER_DRAINS")


def _cancel(node: Node, job: Job, held: HeldJob, claim: Claim) -> None:
    """Remove what is stored, then say so. While the store is out of reach, another attempt does it later. If that
    lasts, the job ends all the same, and `likeness gc` removes it."""
    try:
        node.images.remove(job)
    except HandedBack:
        _hand_back(node, held)
        return
    except LikenessError as error:
        log.warning("cleanup.failed", code=error.code, error=error.message)
        if node.store_watch.is_to_blame(error):
            _hand_back(node, held, error)
            return
        if error.retryable and claim.begun_for < node.settings.outage_patience:
            held.retry(JobError.of(error), delay=5 * node.settings.retry_backoff)
            return
    held.end_canceled()
    log.info("job.canceled")


def _fail(node: Node, job: Job, held: HeldJob, claim: Claim, error: LikenessError) -> None:
    """Try again where that can help and attempts are left; else the job is final."""
    tries = held.lease.tries
    log.warning("attempt.failed", code=error.code, error=error.message, tries=tries)
    waits = _waits_for_store(node, held, claim, error)
    if waits or (error.retryable and tries < node.settings.max_attempts):
        delay = _backoff(node, held.lease.attempt if waits else tries)
        waiting = held.retry(JobError.of(error), delay, uncounted=waits)
        if not delay:
            node.queue.send_again(waiting)
        return
    # Final first: were the job another worker's by now, its images would not be ours to remove.
    held.fail(JobError.of(error))
    log.error("job.failed", code=error.code, error=error.message)
    try:
        node.images.remove(job, keep_evidence=isinstance(error, LikenessNotReached))
    except LikenessError as second:
        log.warning("cleanup.failed", code=second.code, error=second.message)
    except HandedBack:
        log.warning("cleanup.failed", error="There was no time left for it.")


def _waits_for_store(node: Node, held: HeldJob, claim: Claim, error: LikenessError) -> bool:
    """Whether the attempt found no store to begin with, and the job shall wait for it.

    One that fails later has cost the device's time, so it counts.
    """
    found_none = isinstance(error, StorageError) and error.retryable and held.stage == "fetching"
    return found_none and claim.begun_for < node.settings.outage_patience


def _backoff(node: Node, tries: int) -> float:
    """Seconds until the next attempt, after so many."""
    if tries < 2:
        return 0
    # Beyond some exponent it would be no float any more; by then, the most is reached.
    return min(node.settings.retry_backoff * 2.0 ** min(tries - 2, 64), node.settings.retry_backoff_max)


def _exhausted(claim: Claim) -> AttemptsExhausted:
    last = claim.last_error
    return AttemptsExhausted(
        "Every attempt ended early, so the job was given up."
        + (f" The last one: {last.message}" if last else " No attempt lived to say why."),
        **({"lastError": last.to_data()} if last else {}),
    )


def _unforeseen(error: Exception) -> LikenessError:
    # The text may hold anything, so only the kind is told; the log has the rest.
    return Unforeseen(f"An unforeseen {type(error).__name__} ended the attempt; the worker's log has more.")
