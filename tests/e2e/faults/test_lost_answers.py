"""Redis did what it was asked to, and its answer was lost: the client asks again, and gets the same answer."""

import time
from collections.abc import Iterator

import pytest

from models.job import CloneJob
from models.record import JobError, JobResult
from tests.e2e.faults.proxies import TcpProxy
from tests.e2e.faults.run import plan_job
from worker.base.settings import Settings
from worker.queue.jobs import JobStore, Lease
from worker.stack import EmbeddedStack


@pytest.fixture
def proxy(stack: EmbeddedStack) -> Iterator[TcpProxy]:
    proxy = TcpProxy(stack.redis.port)
    yield proxy
    proxy.stop()


@pytest.fixture
def proxied(settings: Settings, proxy: TcpProxy) -> Settings:
    url = Settings(redis_url=f"redis://{proxy.address}/0").redis_url
    return settings.model_copy(update={"redis_url": url})


@pytest.fixture
def store(proxied: Settings) -> JobStore:
    store = JobStore(proxied)
    # The script is loaded now, so that the next answer is that of a call.
    store.due()
    return store


@pytest.fixture
def job() -> CloneJob:
    return plan_job("plain", {})


def claimed(store: JobStore, job: CloneJob) -> Lease:
    claim = store.claim(job, "me")
    assert claim.verdict == "claimed"
    assert claim.lease
    return claim.lease


def test_a_claim_is_the_same_claim(store: JobStore, proxy: TcpProxy, job: CloneJob) -> None:
    proxy.lose_next_answer()
    lease = claimed(store, job)
    assert (lease.attempt, lease.counted) == (1, 1)
    assert [event.type for event in store.events(job.job_id)] == ["job.submitted", "job.started"]
    store.renew(lease)
    assert store.claim(job, "me").verdict == "held", "another message of the same node"


def test_a_failure_is_told_once(store: JobStore, proxy: TcpProxy, job: CloneJob) -> None:
    lease = claimed(store, job)
    proxy.lose_next_answer()
    store.fail(lease, JobError(code="RENDER_FAILED", message="It broke."))
    assert [event.type for event in store.events(job.job_id)][-2:] == ["job.started", "job.failed"]


def test_a_completion_is_told_once(store: JobStore, proxy: TcpProxy, job: CloneJob) -> None:
    lease = claimed(store, job)
    row = job.finished_row((), job.source.created_at)
    proxy.lose_next_answer()
    store.complete(lease, JobResult(influencer=row, images=(), manifest_key="m", manifest_url="https://m"))
    assert [event.type for event in store.events(job.job_id)][-2:] == ["job.started", "job.completed"]


def test_a_claim_of_a_canceled_job_is_the_same_claim(store: JobStore, proxy: TcpProxy, job: CloneJob) -> None:
    lease = claimed(store, job)
    store.cancel(job.job_id)
    store.release(lease, "WORKER_DRAINS", handover=True)
    proxy.lose_next_answer()
    claim = store.claim(job, "me")
    assert claim.verdict == "canceled"
    assert claim.lease
    proxy.lose_next_answer()
    store.end_canceled(claim.lease)
    assert store.get(job.job_id).status == "canceled"


def test_a_job_counts_once_and_makes_room_once(proxied: Settings, proxy: TcpProxy) -> None:
    limited = JobStore(proxied.model_copy(update={"project_limit": 1, "resend_after": 0.1}))
    limited.due()
    first, second, third = (plan_job("plain", {}) for _ in range(3))
    proxy.lose_next_answer()
    lease = claimed(limited, first)
    for job in (second, third):
        proxy.lose_next_answer()
        assert limited.claim(job, "me").verdict == "parked"
    proxy.lose_next_answer()
    limited.fail(lease, JobError(code="RENDER_FAILED", message="It broke."))
    proxy.lose_next_answer()
    assert limited.unpark() == [], "the one that was let go was told in the answer that got lost"
    time.sleep(0.15)
    assert [waiting.job_id for waiting in limited.due()] == [second.job_id]
    assert limited.claim(third, "me").verdict == "parked"
