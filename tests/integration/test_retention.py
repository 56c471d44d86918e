"""`likeness gc` on a real bucket and a real Redis: what goes, and above all what stays."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from redis import Redis
from typer.testing import CliRunner

from models.errors import LikenessNotReached
from models.job import CloneJob
from models.manifest import Manifest
from models.record import JobError, StoredImage
from models.watermark import HiddenNumber
from tests.support.jobs.stored import ERROR, claimed, make_job, result_of
from tests.support.workers import environment_of
from worker.base import settings as settings_module
from worker.base.settings import Settings
from worker.cli import app
from worker.queue.jobs import JobStore
from worker.storage import Storage
from worker.storage.retention import Leftovers, Retention
from worker.storage.watermarks import WatermarkIndex

# The store's clock shows whole seconds.
AT_ONCE = -2.0


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return JobStore(settings)


@pytest.fixture
def retention(settings: Settings, storage: Storage) -> Retention:
    return Retention(settings, storage)


Put = Callable[..., set[str]]


@pytest.fixture
def put(storage: Storage) -> Put:
    """Store objects of a job: `put(job, "front.png")`. Returns their keys."""

    def store_them(job: CloneJob, *names: str) -> set[str]:
        keys = {f"{storage.keys.job_prefix(job)}/{name}" for name in names}
        for key in keys:
            storage.put_image(key, b"bytes", "image/png")
        return keys

    return store_them


HIDDEN = HiddenNumber(algorithm="org.example.mark", number="2a")


def image_in(folder: str, asset_id: str = "med_new") -> StoredImage:
    return StoredImage(
        shot="front",
        asset_id=asset_id,
        key=f"{folder}/front.png",
        thumbnail_key=f"{folder}/thumbs/front.webp",
        url="https://x",
        thumbnail_url="https://x",
        sha256="0" * 64,
        thumbnail_sha256="0" * 64,
        bytes=5,
        width=1,
        height=1,
        seed=1,
        watermark=HIDDEN,
    )


def commit(storage: Storage, job: CloneJob, folder: str | None = None) -> None:
    image = image_in(folder or storage.keys.job_prefix(job))
    manifest = Manifest(
        job_id=job.job_id,
        influencer_id=job.influencer_id,
        project_id=job.project_id,
        source_influencer_id="inf_source",
        created_at=datetime.now(UTC),
        images=(image,),
    )
    storage.put_json(storage.keys.manifest_key(job), manifest.to_json())


def keys_of(found: Iterator[Leftovers]) -> set[str]:
    return {one.key for each in found for one in each.objects}


@pytest.mark.parametrize("is_known", [True, False])
def test_a_clone_keeps_what_its_manifest_names(
    retention: Retention, store: JobStore, storage: Storage, put: Put, is_known: bool
) -> None:
    job = make_job()
    put(job, "front.png", "thumbs/front.webp")
    left = put(job, "smile.png", "thumbs/smile.webp", "evidence/smile.png")
    commit(storage, job)
    if is_known:
        store.complete(claimed(store, job), result_of(job))
    assert keys_of(retention.find(AT_ONCE)) == left
    for each in retention.find(AT_ONCE):
        retention.delete(each)
    kept = {one.key.rpartition("/")[2] for one in storage.list(storage.keys.job_prefix(job))}
    assert kept == {"front.png", "front.webp", "manifest.json"}


def test_a_clone_keeps_what_a_newer_versions_manifest_names(
    retention: Retention, storage: Storage, put: Put
) -> None:
    job = make_job()
    put(job, "front.png", "thumbs/front.webp", "video.mp4", "depth/front.png")
    left = put(job, "smile.png")
    commit(storage, job)
    folder, key = storage.keys.job_prefix(job), storage.keys.manifest_key(job)
    manifest = json.loads(storage.get(key, max_bytes=100_000))
    manifest["video"] = {"key": f"{folder}/video.mp4"}
    manifest["images"][0]["depthKeys"] = [f"{folder}/depth/front.png"]
    storage.put_json(key, json.dumps(manifest))
    assert keys_of(retention.find(AT_ONCE)) == left


def test_an_entry_of_a_watermark_stays_as_long_as_a_manifest_has_its_image(
    retention: Retention, store: JobStore, storage: Storage, put: Put
) -> None:
    job, gone = make_job(), make_job()
    put(job, "front.png", "thumbs/front.webp")
    commit(storage, job)
    index = WatermarkIndex(storage)
    index.add(job, [image_in("folder", asset_id) for asset_id in ("med_new", "med_old")])
    index.add(gone, [image_in("folder", "med_gone")])
    storage.put_json(f"{storage.keys.watermarks}notes.json", "{}")
    old, dead = (storage.keys.watermark_key(HIDDEN, asset_id) for asset_id in ("med_old", "med_gone"))
    assert keys_of(retention.find(AT_ONCE)) == {old, dead}
    # A job that isn't over may be about to write its manifest.
    lease = claimed(store, gone)
    assert keys_of(retention.find(AT_ONCE)) == {old}
    store.fail(lease, ERROR)
    for each in list(retention.find(AT_ONCE)):
        retention.delete(each)
    assert storage.head(storage.keys.watermark_key(HIDDEN, "med_new"))
    assert (storage.head(old), storage.head(dead)) == (None, None)


@pytest.mark.parametrize("state", ["queued", "held", "released"])
def test_a_job_that_is_not_final_keeps_everything(
    retention: Retention, store: JobStore, put: Put, state: str
) -> None:
    job = make_job()
    store.submit(job)
    if state != "queued":
        lease = claimed(store, job)
        if state == "released":
            store.release(lease, "TEST")
    put(job, "front.png", "evidence/front.png", "manifest.json")
    assert list(retention.find(AT_ONCE)) == []


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_a_job_that_ended_otherwise_keeps_nothing(
    retention: Retention, store: JobStore, storage: Storage, put: Put, end: str
) -> None:
    job = make_job()
    lease = claimed(store, job)
    left = put(job, "front.png", "thumbs/front.webp", "evidence/front.png")
    commit(storage, job)
    if end == "failed":
        store.fail(lease, ERROR)
    else:
        store.end_canceled(lease)
    assert keys_of(retention.find(AT_ONCE)) == left | {storage.keys.manifest_key(job)}


def test_evidence_stays_as_long_as_the_record_that_names_it(
    retention: Retention, store: JobStore, put: Put, redis_client: Redis, settings: Settings
) -> None:
    job = make_job()
    lease = claimed(store, job)
    (named,) = put(job, "evidence/front.png")
    other = put(job, "evidence/smile.png")
    store.fail(lease, JobError.of(LikenessNotReached("Missed.", missed=[{"evidenceKey": named}, {}])))
    assert keys_of(retention.find(AT_ONCE)) == other
    redis_client.delete(f"{settings.redis_prefix}:job:{job.job_id}")
    assert keys_of(retention.find(AT_ONCE)) == other | {named}


def test_what_is_young_or_no_jobs_stays(retention: Retention, storage: Storage, put: Put) -> None:
    put(make_job(), "front.png")
    assert list(retention.find(60)) == []
    for key in ("project-1/media/med_1", "project-1/notes/job_1/front.png"):
        storage.put_image(storage.keys.prefix + key, b"bytes", "image/png")
    left = keys_of(retention.find(AT_ONCE))
    assert len(left) == 1
    assert left.pop().endswith("/front.png")


@pytest.mark.parametrize("fault", ["unreadable", "elsewhere", "missing"])
def test_where_the_manifest_is_in_doubt_nothing_goes(
    retention: Retention, store: JobStore, storage: Storage, put: Put, fault: str
) -> None:
    job = make_job()
    put(job, "front.png")
    WatermarkIndex(storage).add(job, [image_in("folder", "med_old")])
    store.complete(claimed(store, job), result_of(job))
    if fault == "unreadable":
        storage.put_json(storage.keys.manifest_key(job), '{"schemaVersion": 2}')
    elif fault == "elsewhere":
        commit(storage, job, "old-prefix/job_1")
    (found,) = retention.find(AT_ONCE)
    assert found.objects == ()
    assert found.doubt


def test_a_job_that_begins_after_the_listing_keeps_everything(
    retention: Retention, store: JobStore, storage: Storage, put: Put
) -> None:
    job = make_job()
    (key,) = put(job, "front.png")
    (found,) = retention.find(AT_ONCE)
    claimed(store, job)
    assert retention.delete(found).objects == ()
    assert storage.head(key)


def test_the_command_tells_first_and_deletes_when_told(
    settings: Settings, storage: Storage, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    settings_module.settings.cache_clear()

    def likeness(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["gc", *arguments], catch_exceptions=False)
        return done.stdout

    try:
        (key,) = put(make_job(), "front.png")
        assert likeness() == "Would delete 0 objects of 0 jobs, 0.0 MB.\n"
        time.sleep(1.1)
        assert "Would delete 1 objects of 1 jobs" in likeness("--older-than", "0")
        assert likeness("--older-than", "0", "--verbose").splitlines()[0] == key
        told = json.loads(likeness("--older-than", "0", "--json"))
        assert (told["deleted"], told["keys"], told["bytes"]) == (False, [key], 5)
        assert storage.head(key)
        assert "Deleted 1 objects of 1 jobs" in likeness("--older-than", "0", "--delete")
        assert storage.head(key) is None
    finally:
        settings_module.settings.cache_clear()
