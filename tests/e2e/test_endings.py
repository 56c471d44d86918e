"""How processes end: a real one for each exit code."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.faults.fleet import MODULE
from tests.support.servers.process import ApiProcess
from tests.support.workers import PlanJob, WorkerProcess, environment_of
from worker.base.endings import ExitCode
from worker.base.settings import Settings
from worker.client import JobClient

# In seconds, for what must come. Nothing is measured by it.
PATIENCE = 120

Start = Callable[..., WorkerProcess]


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """A worker with a dummy for a device."""
    started: list[WorkerProcess] = []

    def begin(**own: str) -> WorkerProcess:
        quick = {"FAULTS_NOTES": str(tmp_path / "notes.jsonl"), "FAULTS_SECONDS": "0.2"}
        environment = environment_of(settings.model_copy(update={"gate": "off", "drain_grace": 5}))
        worker = WorkerProcess(environment | quick | own, tmp_path / f"{len(started)}.log", MODULE)
        started.append(worker)
        return worker

    yield begin
    for worker in started:
        if worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()


def wait_for_log(worker: WorkerProcess, text: bytes) -> None:
    deadline = time.monotonic() + PATIENCE
    while text not in worker.log.read_bytes():
        assert worker.process.poll() is None, worker.log.read_text()
        assert time.monotonic() < deadline, worker.log.read_text()
        time.sleep(0.05)


def code_of(worker: WorkerProcess) -> int:
    code = worker.process.wait(PATIENCE)
    assert code >= 0, worker.log.read_text()
    return code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_was_drained_ends_with_0(start: Start, number: signal.Signals) -> None:
    worker = start()
    wait_for_log(worker, b' ready."')
    worker.process.send_signal(number)
    assert code_of(worker) == 0, worker.log.read_text()


def test_a_worker_that_can_not_render_any_more_ends_with_1(start: Start, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    worker = start(FAULTS_BROKEN=str(broken))
    wait_for_log(worker, b' ready."')
    broken.touch()
    os.kill(worker.render_pid, signal.SIGKILL)
    assert code_of(worker) == 1, worker.log.read_text()
    assert b"node.broken" in worker.log.read_bytes()
    unable = start(FAULTS_BROKEN=str(broken))
    assert code_of(unable) == ExitCode.FAILED
    assert b"node.failed" in unable.log.read_bytes()


def test_settings_that_can_not_be_used_end_with_2(start: Start) -> None:
    for setting in ({"LIKENESS_LEASE_TTL": "never"}, {"LIKENESS_SIGN_KEY": "/no/such/key"}):
        worker = start(**setting)
        assert code_of(worker) == 2, worker.log.read_text()


def test_a_loop_that_ends_by_an_unforeseen_error_ends_with_5(
    start: Start, client: JobClient, plan: PlanJob
) -> None:
    worker = start(FAULTS_LOOP="1")
    wait_for_log(worker, b' ready."')
    job = plan(["front"])
    client.submit(job)
    assert code_of(worker) == ExitCode.UNFORESEEN, worker.log.read_text()
    sound = start()
    deadline = time.monotonic() + PATIENCE
    while not client.get(job.job_id).is_final:
        assert time.monotonic() < deadline, sound.log.read_text()
        time.sleep(0.1)


def test_a_worker_that_is_told_to_end_at_once_ends_with_4(start: Start) -> None:
    worker = start()
    wait_for_log(worker, b' ready."')
    worker.process.send_signal(signal.SIGQUIT)
    assert code_of(worker) == 4, worker.log.read_text()


def test_sighup_starts_a_drained_worker_anew(settings: Settings, tmp_path: Path) -> None:
    """`python -m worker`: the path of its file would put the folder `worker` among Python's own modules."""
    environment = environment_of(settings.model_copy(update={"gate": "off"}))
    worker = WorkerProcess(environment, tmp_path / "worker.log")
    try:
        for starts in (1, 2):
            deadline = time.monotonic() + PATIENCE
            while worker.log.read_bytes().count(b' ready."') < starts:
                assert worker.process.poll() is None, worker.log.read_text()
                assert time.monotonic() < deadline, worker.log.read_text()
                time.sleep(0.05)
            worker.process.send_signal((signal.SIGHUP, signal.SIGTERM)[starts - 1])
        assert code_of(worker) == 0, worker.log.read_text()
    finally:
        if worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_still_loads_ends_when_it_is_told(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    worker = start(FAULTS_LOADS=_pipe(tmp_path))
    _wait_for_loading(tmp_path)
    worker.process.send_signal(number)
    assert code_of(worker) == 128 + number


def test_pid_1_that_still_loads_ends_by_sigterm(settings: Settings, tmp_path: Path) -> None:
    """The kernel keeps from the first process of a container each signal that it has no handler for."""
    unshare = shutil.which("unshare")
    assert unshare, "Install util-linux."
    quick = {
        "FAULTS_NOTES": str(tmp_path / "notes.jsonl"),
        "FAULTS_SECONDS": "0",
        "FAULTS_LOADS": _pipe(tmp_path),
    }
    environment = os.environ | environment_of(settings.model_copy(update={"gate": "off"})) | quick
    command = [
        unshare,
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--kill-child",
        sys.executable,
        "-m",
        MODULE,
    ]
    container = subprocess.Popen([*command, "worker"], env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_for_loading(tmp_path)
        (first,) = _children(container.pid)
        os.kill(first, signal.SIGTERM)
        # unshare ends as its child does.
        assert container.wait(PATIENCE) == 128 + signal.SIGTERM
    finally:
        container.kill()
        container.wait()


def _pipe(folder: Path) -> str:
    os.mkfifo(folder / "loads")
    return str(folder / "loads")


def _wait_for_loading(folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    notes = folder / "notes.jsonl"
    while not (notes.exists() and "render loads" in notes.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def api(settings: Settings, tmp_path: Path) -> Iterator[ApiProcess]:
    process = ApiProcess(settings, f"sqlite:///{tmp_path / 'likeness.db'}", 1, tmp_path / "api.log")
    yield process
    with suppress(ProcessLookupError):
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_api_ends_with_0(api: Any, number: signal.Signals) -> None:
    api.wait_ready()
    api.process.send_signal(number)
    assert api.process.wait(PATIENCE) == 0
