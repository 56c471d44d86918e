"""One worker with dummies for device and judge, and what takes services, children and disks away from it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.e2e.faults.fleet import MODULE, Child, Fleet
from tests.e2e.faults.invariants import Kind
from tests.e2e.faults.run import DRAIN_GRACE, Site, plan_job, put_references, site
from tests.support.workers import WorkerProcess, environment_of, follow, wait_for
from worker.client import JobClient
from worker.queue.jobs import JobStore


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path, seed=0) as running:
        yield running


def test_a_silent_store_does_not_hold_up_a_drain(here: Site) -> None:
    references = put_references(here)
    client = JobClient(here.settings)
    fleet = here.workers(1, image_seconds=0.5)
    try:
        (worker,) = fleet.workers
        fleet.wait_ready()
        job = plan_job("plain", references)
        client.submit(job)
        wait_for(client, job, "job.image_stored")
        with here.store_proxy.fault("blackhole"):
            # An upload is under way, and boto3 would wait half a minute for its answer, five times.
            time.sleep(0.5)
            # No other takes its place, so nobody takes its job up.
            fleet.stop_watching()
            worker.process.terminate()
            began = time.monotonic()
            assert worker.process.wait(60) == 0, worker.log.read_text()
            assert time.monotonic() - began < DRAIN_GRACE + 5
        store = JobStore(here.settings)
        *_, last = store.events(job.job_id)
        assert last.reason == "WORKER_DRAINS"
    finally:
        fleet.abandon()


def test_children_that_die_between_jobs_are_replaced_before_the_next_one(here: Site) -> None:
    settings = here.proxied.model_copy(update={"http_port": 0})
    fleet = Fleet(1, environment_of(settings), here.folder, 0.2)
    try:
        (worker,) = fleet.workers
        fleet.wait_ready()
        port = next(said["port"] for _, said in fleet.logs() if said.get("event") == "endpoint.ready")
        _wait_for(lambda: _ready(port) == 200)
        children: tuple[Child, ...] = ("render", "verify")
        for which in children:
            pid = fleet.child(worker, which)
            assert pid
            os.kill(pid, signal.SIGKILL)
            _wait_for(lambda: _ready(port) == 503)
            _wait_for(partial(_is_replaced, fleet, worker, which, pid))
            _wait_for(lambda: _ready(port) == 200)
        assert worker.process.poll() is None
    finally:
        fleet.abandon()


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_replaced(fleet: Fleet, worker: WorkerProcess, which: Child, pid: int) -> bool:
    return fleet.child(worker, which) != pid


def _ready(port: int) -> int:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready") as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


def test_a_full_disk_stops_no_job(here: Site) -> None:
    """No line of the log can be written, and there is no place for temporary files."""
    references = put_references(here)
    client = JobClient(here.settings)
    environment = environment_of(here.settings) | {
        "FAULTS_NOTES": "/dev/null",
        "FAULTS_SECONDS": "0.1",
        "TMPDIR": "/no/such/folder",
    }
    with Path("/dev/full").open("wb") as full:
        worker = subprocess.Popen(
            [sys.executable, "-m", MODULE, "worker"],
            env=os.environ | environment,
            stdout=full,
            stderr=full,
        )
    try:
        ends: dict[Kind, str] = {"plain": "job.completed", "no reference": "job.failed"}
        for kind, end in ends.items():
            job = plan_job(kind, references)
            client.submit(job)
            assert follow(client, job)[-1].type == end
        assert worker.poll() is None
        worker.terminate()
        assert worker.wait(30) == 0
    finally:
        worker.kill()
