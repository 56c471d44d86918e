"""Handles one message: claims its job, runs an attempt, and decides when the message can be acknowledged."""

import time
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog

from models.errors import (
    CancelUnavailable,
    DeadlineExceeded,
    IdempotencyConflict,
    InvalidInput,
    LeaseLost,
    QueueUnavailable,
    RecordLost,
)
from models.job import Job, parse_job
from worker.base.observers import tracing
from worker.node.attempt import Attempt, Place, unforeseen
from worker.queue.jobs import Claim, conflict
from worker.run.held import HeldJob

log = structlog.get_logger()


def handle(node: Place, message: Any, *, expires: datetime | None = None, is_unwanted: bool = False) -> None:
    """Handles one message. Never raises because of its content.

    A job that isn't recorded yet must begin before `expires`. If `is_unwanted`, the job is canceled.

    When this returns, the job is final, or another worker's, or due to be sent again: the message has
    served its purpose. Raises QueueUnavailable if nothing could be done; then it has not.
    """
    try:
        _handle(node, message, expires, is_unwanted)
    except QueueUnavailable:
        raise
    except Exception as error:
        log.exception("message.crashed")
        node.store.refuse(message, unforeseen(error), ends_job=False)


def _handle(node: Place, message: Any, expires: datetime | None, is_unwanted: bool) -> None:
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


def _call_off(node: Place, job: Job) -> None:
    """Cancels the job. One that isn't known yet is recorded, so that its end can be reported."""
    with suppress(IdempotencyConflict, CancelUnavailable):
        node.store.submit(job)
        node.store.cancel(job.job_id)


def _take(node: Place, job: Job, message: Any, expires: datetime | None) -> bool:
    """Claims the job and works on it. False if that must be done again, since this message may be all that is left
    of the job: Redis lost it, or was away and may come back without it."""
    structlog.contextvars.bind_contextvars(stage="queued")
    claim, claimed_at = _claim(node, job, expires)
    if claim.verdict == "conflict":
        node.store.refuse(message, conflict(job.job_id))
    if claim.lease is None:
        log.info("message.dropped", why=claim.verdict)
        if claim.verdict == "expired":
            node.observer.job_ended(job.job_id, "failed", DeadlineExceeded.code)
        return True
    if claim.verdict == "claimed":
        attempt = claim.lease.attempt
        node.observer.attempt_began(job, attempt, claim.age if attempt == 1 else None)
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
        is_settled = _is_settled_by(Attempt(node, job, held, claim))
    _make_room_known(node)
    return is_settled


def _claim(node: Place, job: Job, expires: datetime | None) -> tuple[Claim, float]:
    """Returns the claim, and when it was requested. Waits for Redis: the store may not know the job until then."""
    while True:
        asked = time.monotonic()
        try:
            return node.store.claim(job, node.name, expires, node.worker_id), asked
        except QueueUnavailable as error:
            if node.drain.begun:
                raise
            log.warning("redis.unavailable", error=error.message)
            time.sleep(1)


def _is_settled_by(attempt: Attempt) -> bool:
    """Runs the attempt. Returns whether the job is then final, another worker's, or due to be sent again."""
    node, job_id = attempt.node, attempt.job.job_id
    try:
        with tracing.span("attempt", jobId=job_id, attempt=attempt.held.lease.attempt):
            attempt.run()
    except LeaseLost as error:
        log.warning("lease.lost", code=error.code, error=error.message)
        node.observer.attempt_ended_early(job_id, error.code)
        return not isinstance(error, RecordLost)
    except QueueUnavailable as error:
        # Nothing can be written now. If Redis comes back while this worker still has the lease, the lease runs out,
        # and a reaper sends the job again.
        log.error("job.abandoned", error=error.message)
        node.observer.attempt_ended_early(job_id, error.code)
        return node.drain.begun
    return True


def _make_room_known(node: Place) -> None:
    """Sends parked jobs: if this job is over, its project has room. A reaper would see that within a second."""
    try:
        node.queue.send_parked()
    except QueueUnavailable as error:
        log.warning("redis.unavailable", error=error.message)
