"""A real worker's previews, from its device to Redis."""

import time
from collections.abc import Callable, Sequence
from io import BytesIO

from PIL import Image

from models.job import CloneJob
from tests.support.pictures.samples import likeness_of_pictures
from tests.support.workers import SlowWorkers, StartWorker
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.jobs.previews import PreviewStore
from worker.storage import Storage

SHOTS = ("front", "three-quarter-left")


def test_a_running_jobs_previews_resemble_their_images_and_end_with_it(
    slow_workers: SlowWorkers,
    client: JobClient,
    plan: Callable[[Sequence[str]], CloneJob],
    settings: Settings,
    storage: Storage,
) -> None:
    slow_workers(1)
    job = plan(SHOTS)
    client.submit(job)
    began = time.monotonic()
    previews, seen = PreviewStore(settings), dict[str, set[bytes]]()
    latest: dict[str, Image.Image] = {}
    for event in client.watch(job.job_id):
        if event.type != "job.progress" or (webp := previews.get(job.job_id, str(event.shot))) is None:
            continue
        seen.setdefault(str(event.shot), set()).add(webp)
        image = Image.open(BytesIO(webp))
        assert image.format == "WEBP"
        assert b"compositeWithTrainedAlgorithmicMedia" in image.info["xmp"]
        latest[str(event.shot)] = image
    took = time.monotonic() - began
    result = client.get(job.job_id).result
    assert result
    images = {
        one.shot: Image.open(BytesIO(storage.get(one.key, max_bytes=10_000_000))) for one in result.images
    }
    assert set(latest) == set(images) == set(SHOTS)
    for shot, other in (SHOTS, SHOTS[::-1]):
        assert max(latest[shot].size) == 64
        assert likeness_of_pictures(latest[shot], images[shot]) > 0.98
        assert likeness_of_pictures(latest[shot], images[other]) < 0.9
    # One at the first step, and then at most two a second.
    assert max(map(len, seen.values())) <= 2 + 2 * took
    deadline = time.monotonic() + 10
    while any(previews.get(job.job_id, shot) for shot in SHOTS):
        assert time.monotonic() < deadline, "they would stay until they expire"
        time.sleep(0.05)


def test_a_worker_makes_none_if_it_is_told_so(
    start_worker: StartWorker,
    client: JobClient,
    plan: Callable[[Sequence[str]], CloneJob],
    settings: Settings,
) -> None:
    start_worker(previews="off").wait_ready()
    job = plan(SHOTS)
    client.submit(job)
    previews = PreviewStore(settings)
    for event in client.watch(job.job_id):
        assert previews.get(job.job_id, SHOTS[0]) is None, event
    assert client.get(job.job_id).status == "completed"
