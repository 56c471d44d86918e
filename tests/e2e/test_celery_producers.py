"""Producers, and others on the same Redis, that know only Celery: what real workers make of what they send."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import Celery

from models.errors import NotFound
from tests.support.workers import PlanJob, WorkerProcess, follow
from worker.base.settings import Settings
from worker.client import JobClient
from worker.storage import Storage


@pytest.fixture
def app(settings: Settings) -> Celery:
    return Celery(broker=settings.redis_url.get_secret_value(), set_as_current=False)


def test_all_priorities_are_taken(
    worker: WorkerProcess, app: Celery, client: JobClient, plan: PlanJob, settings: Settings
) -> None:
    jobs = {priority: plan(["front"]) for priority in (0, 3, 6, 9)}
    for priority, job in jobs.items():
        app.send_task("influencer_clone", args=[job.to_data()], queue=settings.queue, priority=priority)
    for job in jobs.values():
        wait_until_known(client, job.job_id)
        assert follow(client, job)[-1].type == "job.completed"


def test_a_message_that_expired_fails_its_job(
    worker: WorkerProcess, app: Celery, client: JobClient, plan: PlanJob, settings: Settings
) -> None:
    job = plan(["front"])
    over: dict[str, Any] = {"expires": datetime(2020, 1, 1, tzinfo=UTC)}
    app.send_task("influencer_clone", args=[job.to_data()], queue=settings.queue, **over)
    wait_until_known(client, job.job_id)
    assert follow(client, job)[-1].type == "job.failed"
    record = client.get(job.job_id)
    assert record.error
    assert (record.error.code, record.attempts) == ("DEADLINE_EXCEEDED", 0)


def test_a_child_is_refused_before_anything_is_fetched(
    worker: WorkerProcess, app: Celery, client: JobClient, plan: PlanJob, settings: Settings, storage: Storage
) -> None:
    """Around the API and `plan_clone`, which would have refused it."""
    job = plan(["front"])
    message = job.to_data() | {"overrides": {"ageRange": "8-10"}}
    app.send_task("influencer_clone", args=[message], queue=settings.queue)
    wait_until_known(client, job.job_id)
    events = follow(client, job)
    assert events[-1].type == "job.failed"
    assert "job.reference_rejected" not in {event.type for event in events}
    record = client.get(job.job_id)
    assert record.error
    assert (record.error.code, record.error.details["rule"]) == ("CONTENT_REFUSED", "age-under-18")
    assert record.stage_times
    assert record.stage_times.rendering is None
    assert list(storage.list(storage.keys.job_prefix(job))) == []


def test_nobody_controls_a_worker_by_celery(
    worker: WorkerProcess, app: Celery, client: JobClient, plan: PlanJob, settings: Settings
) -> None:
    """What Flower, or any other app on that Redis, could send."""
    app.control.cancel_consumer(settings.queue)
    job = plan(["front"])
    app.control.revoke(job.job_id, terminate=True)
    app.control.shutdown()
    client.submit(job)
    assert follow(client, job)[-1].type == "job.completed"
    assert app.control.inspect(timeout=1).ping() is None, "no worker shows itself"
    assert worker.process.poll() is None


def wait_until_known(client: JobClient, job_id: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            client.get(job_id)
        except NotFound:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return
