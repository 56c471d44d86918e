"""A store that refuses a worker though nothing is wrong with a job: its key was replaced, or its bucket is gone."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.e2e.faults.fleet import MODULE
from tests.support.workers import PlanJob, StartWorker, WorkerProcess, environment_of, follow, wait_for
from worker.base.settings import Settings
from worker.client import JobClient
from worker.stack import EmbeddedStack

SHOTS = ("front", "smile", "profile", "outdoor")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[EmbeddedStack]:
    """A stack of the test's own, to be broken."""
    with EmbeddedStack(tmp_path / "stack", persist=True) as running:
        yield running


@pytest.fixture
def settings(stack: EmbeddedStack) -> Settings:
    return stack.settings(s3_attempts=2, retry_backoff=1)


@pytest.fixture
def start_worker(settings: Settings, tmp_path: Path) -> Iterator[StartWorker]:
    """Their devices are dummies, which take a second for an image and no CPU. All the rest is real."""
    started: list[WorkerProcess] = []
    dummies = {"FAULTS_NOTES": str(tmp_path / "notes.jsonl"), "FAULTS_SECONDS": "1"}

    def start(**changes: object) -> WorkerProcess:
        environment = environment_of(settings.model_copy(update={"gate": "off"} | changes)) | dummies
        started.append(WorkerProcess(environment, tmp_path / f"worker-{len(started)}.log", MODULE))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait()


def a_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def reasons(port: int) -> list[str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready") as answer:
            told = json.load(answer)
    except HTTPError as error:
        told = json.load(error)
    return list(told["reasons"])


def is_refused(port: int) -> bool:
    return any("refused" in reason for reason in reasons(port))


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def replace_key(stack: EmbeddedStack, secret: str) -> None:
    stack.s3.kill()
    stack.s3.secret_access_key = secret
    stack.s3.start()


def test_a_worker_whose_key_was_replaced_fails_no_job_and_comes_back(
    start_worker: StartWorker, client: JobClient, plan: PlanJob, stack: EmbeddedStack
) -> None:
    port, secret = a_port(), stack.s3.secret_access_key
    worker = start_worker(http_port=port)
    worker.wait_ready()
    jobs = [plan(SHOTS) for _ in range(4)]
    client.submit(jobs[0])
    wait_for(client, jobs[0], "job.image_stored")

    replace_key(stack, "another")
    for job in jobs[1:]:
        client.submit(job)
    eventually(partial(is_refused, port))
    # What it holds is handed back, and it takes nothing.
    eventually(lambda: all(client.get(job.job_id).stage == "queued" for job in jobs))
    assert all(client.get(job.job_id).status == "running" for job in jobs)
    told = [json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{")]
    refused = [one for one in told if one["event"] == "store.refuses"]
    assert len(refused) == 1
    assert refused[0]["code"] == "STORAGE_REFUSED"
    assert secret not in worker.log.read_text()

    replace_key(stack, secret)
    for job in jobs:
        events = follow(client, job)
        assert [event.type for event in events if event.is_terminal] == ["job.completed"]
    eventually(lambda: reasons(port) == [])
    requeued = [event for event in follow(client, jobs[0]) if event.type == "job.requeued"]
    assert "STORAGE_REFUSED" in {event.reason for event in requeued}


def test_workers_with_a_wrong_bucket_or_key_leave_jobs_to_others(
    start_worker: StartWorker, client: JobClient, plan: PlanJob
) -> None:
    ports = [a_port(), a_port()]
    wrong = [
        start_worker(s3_bucket="no-such-bucket", http_port=ports[0]),
        start_worker(s3_secret_access_key="rotated", http_port=ports[1]),
    ]
    for worker in wrong:
        worker.wait_ready()
    jobs = [plan(SHOTS[:1]) for _ in range(6)]
    for job in jobs:
        client.submit(job)
    for port in ports:
        eventually(partial(is_refused, port))

    start_worker().wait_ready()

    for job in jobs:
        events = follow(client, job)
        assert [event.type for event in events if event.is_terminal] == ["job.completed"]
        assert client.get(job.job_id).attempts == 1
    assert all(worker.process.poll() is None for worker in wrong)
