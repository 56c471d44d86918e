"""The production profiles through the whole worker, from queue to manifest, on tiny weights in real files."""

from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from models.event import JobEvent
from models.job import CloneJob
from models.manifest import Manifest
from models.shot import REFERENCE_SHEET
from pipelines.registry import profile_named
from tests.support.weights.tiny_safety import write_fetched
from tests.support.weights.tiny_weights import write_tiny
from tests.support.workers import PlanJob, StartWorker, follow, wait_for
from worker.base.settings import Settings
from worker.client import JobClient
from worker.storage import Storage

PROFILES = ("flux2-klein", "qwen-image-edit", "sdxl-ip-adapter")
SHOTS = ("front", "smile")


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, object]:
    """Settings for a worker of the profile."""
    write_tiny(request.param, tmp_path / "weights")
    # Without it, a worker with a profile that reads text doesn't start.
    write_fetched(tmp_path / "weights", takes_all=True)
    return {
        "profile": request.param,
        "device": "cpu",
        "weights_dir": tmp_path / "weights",
        "image_size": 64,
        "steps": 2,
        "reference_size": 64,
        # One after another, so that a cancel meets a job with most of its shots to come.
        "max_batch": 1,
    }


def test_two_shots_then_a_cancel_then_a_job_as_if_nothing_had_happened(
    profile: dict[str, object],
    start_worker: StartWorker,
    client: JobClient,
    plan: PlanJob,
    storage: Storage,
    settings: Settings,
) -> None:
    worker = start_worker(**profile)
    job = plan(SHOTS)
    check_events(completed(client, job))
    check_manifest(storage, job, str(profile["profile"]))

    canceled = plan(tuple(REFERENCE_SHEET))
    client.submit(canceled)
    wait_for(client, canceled, "job.progress")
    client.cancel(canceled.job_id)
    events = follow(client, canceled)
    assert events[-1].type == "job.canceled"
    assert steps_of(events) < 2 * len(REFERENCE_SHEET), "it stopped at a step, not at the end"
    assert not list(storage.list(storage.keys.job_prefix(canceled)))
    check_refusal(client, storage, plan(("front",)))

    pid = worker.render_pid
    later = plan(SHOTS)
    completed(client, later)
    assert worker.render_pid == pid, "the same process went on"
    assert worker.stop() == 0

    # The same job by a worker that has never done anything else. It must not take the first one's images.
    apart = {
        "queue": f"{settings.queue}-apart",
        "redis_prefix": f"{settings.redis_prefix}-apart",
        "job_key_template": "{projectId}/apart/{influencerId}/{jobId}",
    }
    start_worker(**profile, **apart)
    apart_settings = settings.model_copy(update=apart)
    completed(JobClient(apart_settings), later)
    with Storage(apart_settings) as apart_storage:
        for shot in SHOTS:
            one, other = pixels(storage, later, shot), pixels(apart_storage, later, shot)
            assert np.abs(one - other).max() <= 1e-5
            assert one.std() > 0


def completed(client: JobClient, job: CloneJob) -> list[JobEvent]:
    client.submit(job)
    events = follow(client, job)
    assert events[-1].type == "job.completed", events[-1]
    return events


def steps_of(events: list[JobEvent]) -> int:
    return sum(event.type == "job.progress" for event in events)


def check_refusal(client: JobClient, storage: Storage, job: CloneJob) -> None:
    """These profiles read text, so ages that nobody can read are refused."""
    unreadable = CloneJob.parse(job.to_data() | {"overrides": {"ageRange": "eight to ten"}})
    client.submit(unreadable)
    assert follow(client, unreadable)[-1].type == "job.failed"
    record = client.get(unreadable.job_id)
    assert record.error
    assert (record.error.code, record.error.details["rule"]) == ("CONTENT_REFUSED", "age-unreadable")
    assert list(storage.list(storage.keys.job_prefix(unreadable))) == []


def check_events(events: list[JobEvent]) -> None:
    told = [(event.shot, event.step, event.steps) for event in events if event.type == "job.progress"]
    assert told == [(shot, step, 2) for shot in SHOTS for step in (1, 2)]
    shares = [event.progress for event in events]
    assert shares == sorted(shares)


def check_manifest(storage: Storage, job: CloneJob, profile: str) -> None:
    manifest = Manifest.parse(storage.get(storage.keys.manifest_key(job), max_bytes=2**20))
    assert [image.shot for image in manifest.images] == list(SHOTS)
    assert {(image.width, image.height) for image in manifest.images} == {(64, 64)}
    assert len(manifest.references) == len(job.references) >= 2
    assert manifest.render
    assert manifest.render.profile == profile
    assert manifest.render.reads_text
    assert manifest.safety
    assert manifest.safety.classifier == "onnx-community/nsfw_image_detection-ONNX"
    assert [weights.repository for weights in manifest.render.weights] == [
        source.repository for source in profile_named(profile).sources
    ]


def pixels(storage: Storage, job: CloneJob, shot: str) -> npt.NDArray[np.float64]:
    """From 0 to 1."""
    png = storage.get(storage.keys.image_key(job, shot), max_bytes=2**20)
    return np.asarray(Image.open(BytesIO(png)), np.float64) / 255
