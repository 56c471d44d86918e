"""What Celery says of a message, and what becomes of its job."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from models.job import CloneJob
from tests.support.jobs.node import DoubleNode, raising
from tests.support.jobs.stored import make_job
from worker.base.settings import Settings
from worker.node.consuming.messages import handle
from worker.storage import Storage


@pytest.fixture
def node(settings: Settings, storage: Storage) -> Any:
    return DoubleNode(settings, storage)


@pytest.fixture
def job() -> CloneJob:
    return make_job()


def test_a_message_that_is_past_its_own_deadline_fails_its_job(node: Any, job: CloneJob) -> None:
    now = datetime.now(UTC)
    handle(node, job.to_data(), expires=now - timedelta(seconds=1))
    record = node.store.get(job.job_id)
    assert (record.status, record.error and record.error.code) == ("failed", "DEADLINE_EXCEEDED")
    in_time = make_job()
    handle(node, in_time.to_data(), expires=now + timedelta(hours=1))
    assert node.store.get(in_time.job_id).status == "completed"


def test_a_worker_that_leaves_passes_a_messages_own_deadline_on(
    node: Any, job: CloneJob, settings: Settings, redis_client: Redis
) -> None:
    node.drain.begin()
    expires = datetime.now(UTC) + timedelta(hours=1)
    handle(node, job.to_data(), expires=expires)
    (text,) = redis_client.lrange(f"{settings.queue}.again", 0, -1)
    assert datetime.fromisoformat(json.loads(text)["headers"]["expires"]) == expires


def test_a_revoked_message_cancels_its_job(node: Any, job: CloneJob) -> None:
    node.attempt = raising(AssertionError("nobody wants it"))
    handle(node, job.to_data(), is_unwanted=True)
    assert node.store.get(job.job_id).status == "canceled"
    begun = make_job()
    lease = node.store.claim(begun, "other").lease
    node.store.release(lease, "WORKER_DRAINS", handover=True)
    handle(node, begun.to_data(), is_unwanted=True)
    assert node.store.get(begun.job_id).status == "canceled"
    other = make_job()
    node.store.submit(other)
    handle(node, other.to_data() | {"name": "other content"}, is_unwanted=True)
    assert node.store.get(other.job_id).status == "running", "it is another job's id"
