"""Jobs whose Redis has its clock set back, or forward."""

import time

import pytest
from redis import Redis

from models.errors import (
    LeaseLost,
)
from models.job import CloneJob
from tests.support.jobs.stored import claimed, make_job, result_of, short
from tests.support.jobs.submitted import submitted
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.queue.jobs import store as store_module


@pytest.fixture
def job() -> CloneJob:
    return make_job()


def set_redis_clock(redis_client: Redis, settings: Settings, job: CloneJob, hours: int) -> None:
    """To what was written so far, a clock that was set is the same as if it had been written at another time."""
    ms = -hours * 3_600_000
    for name in ("watch", "sent"):
        key = f"{settings.redis_prefix}:{name}"
        if redis_client.zscore(key, job.job_id):
            redis_client.zincrby(key, ms, job.job_id)
    lanes = f"{settings.redis_prefix}:lanes"
    for lane in redis_client.hkeys(lanes):
        # What else is there are numbers of messages.
        if ":" not in str(lane):
            redis_client.hincrby(lanes, lane, ms)
    key = f"{settings.redis_prefix}:job:{job.job_id}"
    for field in ("lease_until", "sent_at", "started_at", "submitted_at"):
        if redis_client.hexists(key, field):
            redis_client.hincrby(key, field, ms)


def test_a_redis_clock_set_back_keeps_no_dead_holders_job(
    settings: Settings, job: CloneJob, redis_client: Redis
) -> None:
    store = short(settings)
    claimed(store, job)
    set_redis_clock(redis_client, settings, job, hours=-1)
    assert store.due() == [], "a holder that lives has time to renew its lease"
    time.sleep(0.55)
    assert [w.job_id for w in store.due()] == [job.job_id]
    claimed(store, job, "heir")


def test_a_redis_clock_set_back_leaves_a_living_holder_its_job(
    settings: Settings, job: CloneJob, redis_client: Redis
) -> None:
    store = short(settings, lease_ttl=5, resend_after=0.1)
    lease = claimed(store, job)
    set_redis_clock(redis_client, settings, job, hours=-1)
    for _ in range(3):
        assert store.due() == []
        time.sleep(0.15)
    store.renew(lease)
    assert store.due() == []
    store.complete(lease, result_of(job))


def test_a_redis_clock_set_forward_ends_leases_and_fences_their_holders(
    settings: Settings, job: CloneJob, redis_client: Redis
) -> None:
    store = JobStore(settings)
    lease = claimed(store, job)
    set_redis_clock(redis_client, settings, job, hours=1)
    assert [w.job_id for w in store.due()] == [job.job_id]
    heir = claimed(store, job, "heir")
    with pytest.raises(LeaseLost):
        store.complete(lease, result_of(job))
    store.complete(heir, result_of(job))


def test_a_redis_clock_set_back_hides_no_lost_message(
    settings: Settings, job: CloneJob, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_LOST_AFTER_MS", 500)
    store = JobStore(settings)
    store.sent(submitted(store, job), "new")
    set_redis_clock(redis_client, settings, job, hours=-1)
    assert store.overdue() == []
    time.sleep(0.55)
    assert [w.job_id for w, _ in store.overdue()] == [job.job_id]


def test_a_redis_clock_set_back_makes_no_message_seem_overtaken(
    settings: Settings, job: CloneJob, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_LOST_AFTER_MS", 100)
    store = JobStore(settings)
    store.sent(submitted(store, job), "new")
    claimed(store, job)
    set_redis_clock(redis_client, settings, job, hours=-1)
    waiting = make_job()
    store.sent(submitted(store, waiting), "new")
    time.sleep(0.15)
    assert [(w.job_id, is_lost) for w, is_lost in store.overdue()] == [(waiting.job_id, False)]
    assert not redis_client.hexists(f"{settings.redis_prefix}:lanes", "new")
