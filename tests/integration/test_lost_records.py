"""A job that comes again after Redis lost its data, though it had ended."""

from typing import Any

from redis import Redis

from models.job import CloneJob
from models.manifest import Manifest
from tests.support.doubles.zombie import node_of
from tests.support.jobs.contents import contents
from tests.support.jobs.stored import make_job
from tests.support.servers.loss import lose_data
from worker.base.settings import Settings
from worker.node.consuming.messages import handle
from worker.storage import Storage
from worker.webhooks.outbox import Outbox


def run(node: Any, job: CloneJob) -> Any:
    node.store.submit(job)
    handle(node, job.to_data())
    return node.store.get(job.job_id)


def a_job() -> CloneJob:
    # Nobody delivers, so the outbox keeps it.
    return CloneJob.parse(make_job().to_data() | {"callbackUrl": "https://example.com/hook"})


def test_it_ends_as_it_did_and_nothing_is_written_over(
    settings: Settings, storage: Storage, redis_client: Redis
) -> None:
    node, job = node_of(settings, storage), a_job()
    first = run(node, job)
    objects, (told,) = contents(storage, job), Outbox(settings).deliveries()

    lose_data(settings, redis_client)
    again = run(node, job)

    assert (first.status, again.status) == ("completed", "completed")
    assert contents(storage, job) == objects
    assert [image.sha256 for image in again.result.images] == [image.sha256 for image in first.result.images]
    assert again.result.influencer.updated_at == first.result.influencer.updated_at
    (told_again,) = Outbox(settings).deliveries()
    assert told_again.webhook_id == told.webhook_id, "a receiver drops the second one"


def test_other_content_under_the_id_is_another_job(
    settings: Settings, storage: Storage, redis_client: Redis
) -> None:
    node, job = node_of(settings, storage), a_job()
    run(node, job)
    lose_data(settings, redis_client)
    other = job.model_copy(update={"name": "Somebody else"})

    record = run(node, other)

    assert record.result.influencer.name == "Somebody else"
    manifest = Manifest.parse(contents(storage, job)[record.result.manifest_key])
    assert manifest.fingerprint == other.fingerprint


def test_a_manifest_that_can_not_be_read_is_none(settings: Settings, storage: Storage) -> None:
    node, job = node_of(settings, storage), a_job()
    storage.put_json(storage.keys.manifest_key(job), "{")

    assert run(node, job).status == "completed"
