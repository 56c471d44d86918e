"""Hostile references through the whole worker: each is named, the good ones are used, the worker stays up."""

from pathlib import Path

from models.influencer import Influencer
from models.job import CloneRequest, ReferenceSource
from tests.support.pictures.hostile import PICTURES, REFUSED
from tests.support.workers import StartWorker, WorkerProcess, follow
from worker.client import JobClient, plan_clone
from worker.stack.samples import load_sample
from worker.storage import Storage

HOSTILE_URLS = (
    "http://example.com/a.png",
    "https://127.0.0.1/a.png",
    "https://user:secret@example.com/a.png",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/a.png",
    "https://localhost/a.png",
    "file:///etc/passwd",
    "gopher://example.com/",
)
HIGHEST_MB = 600


def put_references(storage: Storage, source: Influencer, blobs: dict[str, bytes]) -> list[ReferenceSource]:
    references = []
    for name, data in blobs.items():
        asset_id = f"med_{name}"
        storage.put_image(storage.keys.media_key(source.project_id, asset_id), data, "image/png", {})
        references.append(ReferenceSource(asset_id=asset_id))
    return references


def peak_memory_mb(worker: WorkerProcess) -> int:
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


def test_hostile_references_are_named_and_the_worker_stays_up(
    start_worker: StartWorker, client: JobClient, storage: Storage
) -> None:
    # The smallest shapes of the unit tests are fit for a worker whose limits are those of the unit tests.
    worker = start_worker(reference_max_bytes=2_000_000, reference_max_pixels=4_000_000)
    source, (good, *_) = load_sample("maya")
    hostile = {name.replace(" ", "-"): build() for name, build, _ in REFUSED}
    refused_code = {f"med_{name}": kind.code for name, _, kind in REFUSED}
    names = list(hostile)
    batches = [names[start : start + 19] for start in range(0, len(names), 19)]
    request = CloneRequest(name="Maya B")

    for batch in batches:
        references = put_references(storage, source, {n: hostile[n] for n in batch} | {"good": good})
        job = plan_clone(source, request, references, ["front"])
        client.submit(job)
        assert follow(client, job)[-1].type == "job.completed"
        rejected = client.get(job.job_id).rejected_references
        expected = {r.asset_id: refused_code[r.asset_id] for r in references[:-1]}
        assert {r.asset_id: r.code for r in rejected} == expected
        assert all(references[r.index].asset_id == r.asset_id for r in rejected)

    references = [
        ReferenceSource(asset_id=f"med_url-{n}", url=url) for n, url in enumerate(HOSTILE_URLS)
    ] + put_references(storage, source, {names[0]: hostile[names[0]]})
    storage.put_image("another-project/media/med_theirs", good, "image/webp")
    references += [
        ReferenceSource(asset_id="med_missing"),
        ReferenceSource(asset_id="med_theirs", key="another-project/media/med_theirs"),
    ]
    job = plan_clone(source, request, references, ["front"])
    client.submit(job)
    assert follow(client, job)[-1].type == "job.failed"
    record = client.get(job.job_id)
    assert record.error
    assert (record.error.code, record.error.retryable) == ("NO_USABLE_REFERENCE", False)
    codes = [r.code for r in record.rejected_references]
    assert codes == ["REFERENCE_URL_REFUSED"] * 8 + ["REFERENCE_NOT_AN_IMAGE"] + ["REFERENCE_NOT_FOUND"] * 2
    assert record.attempts == 1, "a user's error is not tried again"
    assert "secret" not in record.to_json() + worker.log.read_text()

    assert worker.process.poll() is None
    assert peak_memory_mb(worker) < HIGHEST_MB


def test_odd_but_good_references_are_all_used(
    worker: WorkerProcess, client: JobClient, storage: Storage
) -> None:
    source, _ = load_sample("maya")
    odd = {name: build() for name, build, _ in PICTURES[:20]}
    job = plan_clone(source, CloneRequest(name="Maya B"), put_references(storage, source, odd), ["front"])
    client.submit(job)
    assert follow(client, job)[-1].type == "job.completed"
    assert client.get(job.job_id).rejected_references == ()


def test_a_reference_by_the_stores_own_url(
    worker: WorkerProcess, client: JobClient, storage: Storage
) -> None:
    source, (good, *_) = load_sample("maya")
    key = storage.keys.media_key(source.project_id, "med_url")
    storage.put_image(key, good, "image/webp", {})
    references = [
        ReferenceSource(asset_id="med_url", url=storage.url(key)),
        ReferenceSource(asset_id="med_key", key=key),
    ]
    job = plan_clone(source, CloneRequest(name="Maya B"), references, ["front"])
    client.submit(job)
    assert follow(client, job)[-1].type == "job.completed"
    assert client.get(job.job_id).rejected_references == ()
