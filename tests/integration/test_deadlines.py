"""Deadlines by Redis's clock: a job that no worker began with in time fails, one that was begun goes on."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from models.job import CloneJob
from tests.support.jobs.stored import ERROR, claimed, make_job, result_of
from worker.base.settings import Settings
from worker.node.reaper import Reaper
from worker.queue.jobs import JobStore
from worker.queue.queue import JobQueue


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return JobStore(settings)


def expiring(seconds: float) -> CloneJob:
    job = make_job()
    return CloneJob.parse(job.to_json()).model_copy(
        update={"expires_at": datetime.now(UTC) + timedelta(seconds=seconds)}
    )


def test_a_claim_that_comes_too_late_ends_the_job(store: JobStore) -> None:
    job = expiring(-1)
    store.submit(job)
    claim = store.claim(job, "late")
    assert (claim.verdict, claim.lease) == ("expired", None)
    record = store.get(job.job_id)
    assert (record.status, record.error and record.error.code) == ("failed", "DEADLINE_EXCEEDED")
    assert record.attempts == 0
    assert [e.type for e in store.events(job.job_id)] == ["job.submitted", "job.failed"]
    assert store.claim(job, "later").verdict == "final"


def test_a_message_without_a_submit_has_a_deadline_too(store: JobStore) -> None:
    job = expiring(-1)
    assert store.claim(job, "late").verdict == "expired"
    assert store.get(job.job_id).status == "failed"


def test_a_reaper_ends_a_waiting_job(settings: Settings, store: JobStore) -> None:
    late, early = expiring(0.3), expiring(60)
    for job in (late, early):
        store.submit(job)
    reaper = Reaper(0.05, store, JobQueue(settings, store))
    reaper.start()
    deadline = time.monotonic() + 10
    while not store.get(late.job_id).is_final and time.monotonic() < deadline:
        time.sleep(0.02)
    reaper.stop()
    record = store.get(late.job_id)
    assert (record.status, record.error and record.error.code) == ("failed", "DEADLINE_EXCEEDED")
    assert record.finished_at
    assert record.expires_at
    assert record.finished_at >= record.expires_at
    assert store.get(early.job_id).status == "running"


def test_a_job_that_began_in_time_goes_on(store: JobStore, settings: Settings, redis_client: Redis) -> None:
    job = expiring(60)
    store.submit(job)
    lease = claimed(store, job)
    # The time passes.
    redis_client.hset(f"{settings.redis_prefix}:job:{job.job_id}", "expires_at", 1)
    assert not redis_client.zcard(f"{settings.redis_prefix}:expiring")
    store.release(lease, "RENDER_FAILED", error=ERROR)
    assert store.expire() == []
    store.complete(claimed(store, job), result_of(job))
    assert store.get(job.job_id).status == "completed"


def test_a_job_that_ended_before_its_deadline_is_not_looked_at_again(
    store: JobStore, settings: Settings
) -> None:
    job = expiring(0.1)
    store.submit(job)
    store.cancel(job.job_id)
    time.sleep(0.15)
    assert store.expire() == []
    assert store.get(job.job_id).status == "canceled"
