"""What a run left behind is found, and what gc may delete is deleted by it."""

import pytest

from models.record import JobError
from tests.e2e.faults.afterwards import collect, unfinished
from tests.e2e.faults.run import plan_job
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.jobs import JobStore
from worker.storage import Storage

FAILED = JobError(code="RENDER_FAILED", message="It broke.")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"project_limit": 1})


def test_whatever_is_to_do_is_told(settings: Settings) -> None:
    store, client = JobStore(settings), JobClient(settings)
    first, second = (plan_job("plain", {}, callback="https://example.com/hook") for _ in range(2))
    client.submit(first)
    client.submit(second)
    prefix = settings.redis_prefix
    limited = {
        f"{prefix}:slots:{first.project_id}",
        f"{prefix}:parked:{first.project_id}",
        f"{prefix}:parked",
    }
    assert set(unfinished(settings)) == {*limited, f"{prefix}:sent", settings.queue}
    claim = store.claim(first, "me")
    assert claim.lease
    assert set(unfinished(settings)) == {*limited, f"{prefix}:watch", settings.queue}
    store.fail(claim.lease, FAILED)
    assert f"{prefix}:hooks" in unfinished(settings)


def test_gc_deletes_what_a_failed_job_left_however_new(settings: Settings, storage: Storage) -> None:
    store = JobStore(settings)
    failed, running = (plan_job("plain", {}) for _ in range(2))
    keys = {job: storage.keys.image_key(job, "front") for job in (failed, running)}
    for job, key in keys.items():
        store.submit(job)
        storage.put_image(key, b"image", "image/png", {})
    claim = store.claim(failed, "me")
    assert claim.lease
    store.fail(claim.lease, FAILED)
    assert collect(settings) == ({failed.job_id: [keys[failed]]}, [])
    assert [found.key for found in storage.list_all()] == [keys[running]]
