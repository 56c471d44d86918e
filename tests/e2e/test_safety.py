"""The safety gate through a whole worker: what fails, what is tried again, and that nothing of it is left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from ulid import ULID

from models.job import CloneJob, CloneRequest, ReferenceSource
from tests.support.doubles.picture_worker import Script, script
from tests.support.processes import eventually
from tests.support.weights.tiny_safety import write_nudity
from tests.support.workers import StartWorker, WorkerProcess, done, environment_of, stored
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.queue.jobs.dead import DeadLetters
from worker.stack import EmbeddedStack
from worker.stack.samples import load_sample
from worker.storage import Storage


@pytest.fixture(scope="module")
def settings(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    mine = f"test-{uuid4().hex}"
    return stack.settings(
        queue=mine,
        redis_prefix=mine,
        s3_prefix=mine,
        gate="off",
        safety="required",
        safety_models_dir=write_nudity(tmp_path_factory.mktemp("safety")),
        max_attempts_per_shot=2,
    )


@pytest.fixture(scope="module")
def worker(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """One for all tests here, with the tiny model."""
    log = tmp_path_factory.mktemp("safety-worker") / "worker.log"
    process = WorkerProcess(environment_of(settings), log, module="tests.support.doubles.picture_worker")
    process.wait_ready()
    yield process
    assert process.stop() == 0


def planned(storage: Storage, pictures: Script, **options: Any) -> CloneJob:
    source, files = load_sample("jonas")
    storage.put_image(storage.keys.media_key(source.project_id, "med_0"), files[0], "image/webp")
    job_id = f"job_{ULID()}"
    request = CloneRequest.parse(
        {"name": "Jonas B", "overrides": {"style": script(pictures), "vibe": job_id}}
    )
    return plan_clone(
        source, request, [ReferenceSource(asset_id="med_0")], tuple(pictures), job_id, **options
    )


def test_the_log_says_what_looks_and_why(worker: WorkerProcess) -> None:
    (line,) = [line for line in worker.log.read_text().splitlines() if "safety.ready" in line]
    assert "LIKENESS_SAFETY is required" in line
    assert "nudity.onnx" in line


def test_an_explicit_image_is_rendered_again(
    worker: WorkerProcess, client: JobClient, storage: Storage
) -> None:
    record, events = done(client, planned(storage, {"front": ["red", "jonas 3"], "smile": ["jonas 4"]}))
    assert record.result, record.error
    assert [(event.refused.shot, event.refused.number) for event in events if event.refused] == [("front", 1)]
    assert [image.safety and image.safety.nudity for image in record.result.images] == ["none", "none"]


def test_what_stays_explicit_fails_and_leaves_nothing(
    worker: WorkerProcess,
    client: JobClient,
    storage: Storage,
    settings: Settings,
    redis_client: redis.Redis,
) -> None:
    job = planned(storage, {"front": ["jonas 3"], "smile": ["red"]})
    record, events = done(client, job)
    assert record.error, record
    assert (record.status, record.error.code, record.error.retryable) == ("failed", "CONTENT_REFUSED", False)
    assert record.attempts == 1
    assert (record.error.details["rule"], record.error.details["shot"]) == ("explicit", "smile")
    assert record.error.details["score"] > 0.85
    assert [event.refused.number for event in events if event.refused] == [1, 2]
    # A job is final first, and then what it stored is removed.
    assert eventually(lambda: not stored(storage, job), 30)
    assert eventually(lambda: not redis_client.keys(f"{settings.redis_prefix}:preview:*"))
    assert not DeadLetters(settings).letters()


def test_a_worker_without_the_model_does_not_start_and_says_what_to_do(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker(safety="required", safety_models_dir=None, weights_dir=tmp_path / "weights")
    assert worker.process.wait(120) == 1
    log = worker.log.read_text()
    assert "SAFETY_MODEL_MISSING" in log
    assert "likeness models fetch safety" in log
    assert "LIKENESS_SAFETY=off" in log


def test_the_embedded_profile_needs_none(start_worker: StartWorker) -> None:
    worker = start_worker(safety=None, safety_models_dir=None)
    worker.wait_ready()
    (line,) = [line for line in worker.log.read_text().splitlines() if "safety.off" in line]
    assert "the profile reads no text" in line
