"""The watermark through a whole worker: images that are found again, and a watermark process that is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from ulid import ULID

from models.inspection import Inspection
from models.job import CloneJob, CloneRequest, ReferenceSource
from tests.support.doubles.picture_worker import script
from tests.support.jobs.watermarked import stripped
from tests.support.workers import StartWorker, WorkerProcess, done, environment_of, follow, free_port
from worker.base.endings import ExitCode
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.stack.samples import load_sample
from worker.storage import Storage

MB = 1024 * 1024


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def marking(settings: Settings, port: int, tmp_path: Path) -> Iterator[WorkerProcess]:
    """Its pipeline returns a sample's pictures; all else of it is real. It isn't called `worker`, which would share
    the queue of workers without a watermark."""
    changes = {"gate": "off", "watermark": "required", "watermark_timeout": 15, "http_port": port}
    environment = environment_of(settings.model_copy(update=changes))
    worker = WorkerProcess(
        environment, tmp_path / "worker.log", module="tests.support.doubles.picture_worker"
    )
    worker.wait_ready()
    yield worker
    assert worker.stop() == 0


def plan(storage: Storage, *shots: str) -> CloneJob:
    source, files = load_sample("jonas")
    key = storage.keys.media_key(source.project_id, "med_jonas")
    storage.put_image(key, files[0], "image/webp")
    job_id = f"job_{ULID()}"
    told = {"style": script({shot: ["jonas 3"] for shot in shots}), "vibe": job_id}
    request = CloneRequest.parse({"name": "Jonas B", "overrides": told})
    return plan_clone(source, request, [ReferenceSource(asset_id="med_jonas")], shots, job_id)


def inspected(file: Path, settings: Settings) -> Inspection:
    """What `likeness inspect --json` prints of an unsigned picture."""
    said = subprocess.run(
        [sys.executable, "-m", "worker", "inspect", "--json", str(file)],
        env=os.environ | environment_of(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert said.returncode == ExitCode.UNSIGNED, said.stderr
    return Inspection.parse(said.stdout)


def test_an_image_that_was_stripped_is_found_again(
    marking: WorkerProcess,
    port: int,
    client: JobClient,
    storage: Storage,
    settings: Settings,
    tmp_path: Path,
) -> None:
    record, _ = done(client, plan(storage, "front", "smile"))
    assert record.result, record.error
    front, smile = record.result.images
    assert front.watermark != smile.watermark
    file = tmp_path / "saved.jpg"
    file.write_bytes(stripped(storage.get(front.key, max_bytes=MB)))
    said = inspected(file, settings)
    assert said.verdict == "unsigned"
    assert said.watermark
    assert said.watermark.hidden == front.watermark
    assert said.watermark.images
    (found,) = said.watermark.images
    assert (found.job_id, found.shot, found.is_stored) == (record.job_id, "front", True)
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as metrics:
        assert 'likeness_memory_bytes{process="watermark"}' in metrics.read().decode()


def test_a_watermark_process_that_is_lost_costs_an_attempt_and_no_job(
    marking: WorkerProcess, client: JobClient, storage: Storage
) -> None:
    # One that is killed between two jobs is replaced, and nobody notices.
    os.kill(marking.watermark_pid, signal.SIGKILL)
    record, _ = done(client, plan(storage, "front"))
    assert record.result
    assert record.result.images[0].watermark
    assert record.attempts == 1

    # One that hangs in mid-job.
    os.kill(marking.watermark_pid, signal.SIGSTOP)
    job = plan(storage, "front")
    client.submit(job)
    events = follow(client, job)
    assert events[-1].type == "job.completed", events[-1]
    (lost,) = [event.reason for event in events if event.reason]
    assert lost
    assert lost.startswith("WATERMARK_PROCESS_")
    result = client.get(job.job_id).result
    assert result
    assert result.images[0].watermark


def test_a_worker_whose_watermark_can_not_be_loaded_does_not_start(start_worker: StartWorker) -> None:
    worker = start_worker(watermark="required", watermark_algorithm="trustmark")
    assert worker.process.wait(100) == 1
    assert "WATERMARK_MODEL_MISSING" in worker.log.read_text()
