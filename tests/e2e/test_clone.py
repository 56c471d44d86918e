"""The main job, from a message on a queue to images in a bucket, through real processes."""

import json
import time
from hashlib import sha256
from io import BytesIO
from urllib.request import urlopen

from c2pa import Reader
from celery import Celery

from models.job import CloneJob, CloneRequest, ReferenceSource
from models.manifest import Manifest
from models.source_type import SourceType
from tests.support.workers import SLOWLY, PlanJob, StartWorker, WorkerProcess, follow, free_port
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.mark.inspection import inspect_image
from worker.storage import Storage

MB = 1024 * 1024


def objects_of(storage: Storage, job: CloneJob) -> dict[str, int]:
    return {o.key: o.size for o in storage.list(storage.keys.job_prefix(job))}


def test_a_clone_runs_from_message_to_manifest(
    start_worker: StartWorker, client: JobClient, plan: PlanJob, storage: Storage
) -> None:
    port = free_port()
    worker = start_worker(**SLOWLY, http_port=port)
    job = plan(["front", "smile"])
    client.submit(job)
    events = follow(client, job)
    record = client.get(job.job_id)

    assert record.status == "completed", worker.log.read_text()
    assert record.result
    assert [e.sequence for e in events] == list(range(1, record.sequence + 1))
    progress = [e.progress for e in events]
    assert progress == sorted(progress)
    stages = [e.stage for e in events if e.type == "job.stage"]
    assert stages == ["rendering", "storing", "finishing"]
    assert {e.shot for e in events if e.type == "job.progress"} == {"front", "smile"}
    first_stored = next(e.sequence for e in events if e.type == "job.image_stored")
    last_step = max(e.sequence for e in events if e.type == "job.progress")
    assert first_stored < last_step, "the first image is stored while the second one renders"

    manifest = Manifest.parse(storage.get(storage.keys.manifest_key(job), max_bytes=MB))
    assert manifest.images == record.result.images
    accounted = {i.key for i in manifest.images} | {i.thumbnail_key for i in manifest.images}
    assert set(objects_of(storage, job)) == accounted | {record.result.manifest_key}
    for image in manifest.images:
        png = storage.get(image.key, max_bytes=16 * MB)
        assert sha256(png).hexdigest() == image.sha256
        with urlopen(image.url) as answer:
            assert answer.read() == png
            assert answer.headers["Content-Type"] == "image/png"

    row = record.result.influencer
    assert (row.status, row.influencer_id, row.name) == ("ready", job.influencer_id, "Maya B")
    assert [r.asset_id for r in row.reference_images] == [i.asset_id for i in manifest.images]

    with urlopen(f"http://127.0.0.1:{port}/ready") as answer:
        assert json.load(answer) == {"ok": True, "reasons": []}
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        told = answer.read().decode()
    assert 'likeness_jobs_total{code="",status="completed"} 1.0' in told
    assert 'likeness_images_total{outcome="stored"} 2.0' in told
    busy = next(line for line in told.splitlines() if line.startswith("likeness_device_busy_seconds_total"))
    assert float(busy.split()[1]) > 0.5
    assert worker.stop() == 0


def test_a_producer_that_knows_only_celery(
    worker: WorkerProcess, client: JobClient, plan: PlanJob, settings: Settings
) -> None:
    job = plan(["front"])
    app = Celery(broker=settings.redis_url.get_secret_value(), set_as_current=False)
    app.send_task("influencer_clone", args=[json.loads(job.to_json())], queue=settings.queue)
    # The record is made by the worker that takes the message.
    while job.job_id.encode() not in worker.log.read_bytes():
        time.sleep(0.1)
    events = follow(client, job)
    assert events[-1].type == "job.completed"


def test_every_image_says_that_it_is_ai_made_and_what_from(
    worker: WorkerProcess, client: JobClient, plan: PlanJob, storage: Storage
) -> None:
    first = plan(["front", "smile"])
    client.submit(first)
    assert follow(client, first)[-1].type == "job.completed"
    # A reference that carries a mark of its own: an image of the first job.
    marked = storage.get(storage.keys.image_key(first, "front"), max_bytes=16 * MB)
    storage.put_image(storage.keys.media_key(first.project_id, "med_marked"), marked, "image/png", {})
    references = (*first.references, ReferenceSource(asset_id="med_marked"))
    second = plan_clone(first.source, CloneRequest(name="Maya C"), references, ["front"])
    client.submit(second)
    assert follow(client, second)[-1].type == "job.completed"

    for job in (first, second):
        keys = [key for key in objects_of(storage, job) if not key.endswith(".json")]
        assert len(keys) == 2 * len(job.shots)
        for key in keys:
            data = storage.get(key, max_bytes=16 * MB)
            media_type = "image/webp" if key.endswith(".webp") else "image/png"
            assert Reader(media_type, BytesIO(data)).get_validation_state() == "Valid"
            found = inspect_image(data)
            assert found.source_type == found.xmp_source_type == SourceType.COMPOSITE
            assert found.render
            assert (found.render["jobId"], found.render["profile"]) == (job.job_id, "embedded")
            assert found.render["weights"]
            # A thumbnail names its references by their hashes alone: its image carries their marks.
            with_mark = job.references[len(first.references) :] if media_type == "image/png" else ()
            without = job.references[: len(job.references) - len(with_mark)]
            assert [i.title for i in found.ingredients if not i.has_mark] == [r.asset_id for r in without]
            assert [i.title for i in found.ingredients if i.has_mark] == [r.asset_id for r in with_mark]
            assert b"http://127.0.0.1" not in data, "no URL of a reference"
            assert storage.keys.media_key(job.project_id, "med_").encode() not in data, "and no key"
    assert "PRIVATE KEY" not in worker.log.read_text()
