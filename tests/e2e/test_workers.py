"""`likeness workers`, with CPUs for devices."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from models.errors import InvalidSettings
from tests.support.workers import environment_of
from worker.base.settings import Settings
from worker.cli.workers import devices_named

ADDITION = Path(__file__).parent.parent / "support" / "addition"
PATIENCE = 100


def two_free_ports() -> int:
    """The first of two in a row."""
    while True:
        with socket.socket() as first, socket.socket() as second, suppress(OSError):
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            second.bind(("127.0.0.1", port + 1))
            return port


class Supervisor:
    def __init__(self, environment: dict[str, str], log: Path, devices: str) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker", "workers", "--devices", devices],
                env=os.environ | environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def lines(self, event: str) -> list[dict[str, Any]]:
        told = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in told if line.get("event") == event]

    def wait(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    configured = settings.model_copy(update={"gate": "off", "profile": "flat", "http_port": two_free_ports()})
    return environment_of(configured) | {"PYTHONPATH": str(ADDITION), "LEDGER": str(tmp_path / "ledger")}


@pytest.fixture
def supervisor(environment: dict[str, str], tmp_path: Path) -> Iterator[Supervisor]:
    started = Supervisor(environment, tmp_path / "workers.log", "cpu,cpu")
    yield started
    with suppress(ProcessLookupError):
        started.process.kill()
    started.process.wait()


def is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def test_each_device_has_a_worker_with_a_port_of_its_own(
    supervisor: Supervisor, environment: dict[str, str]
) -> None:
    first = int(environment["LIKENESS_HTTP_PORT"])
    supervisor.wait(lambda: is_ready(first) and is_ready(first + 1))
    assert {line["worker"] for line in supervisor.lines("node.ready")} == {"0:cpu", "1:cpu"}
    supervisor.process.terminate()
    assert supervisor.process.wait(PATIENCE) == 0, supervisor.log.read_text()
    assert len(supervisor.lines("worker.ended")) == 2


def test_a_worker_that_dies_is_started_again_and_the_other_goes_on(supervisor: Supervisor) -> None:
    supervisor.wait(lambda: len(supervisor.lines("node.ready")) == 2)
    pid = next(line["node"] for line in supervisor.lines("node.ready")).rpartition(":")[2]
    os.kill(int(pid), signal.SIGKILL)
    supervisor.wait(lambda: len(supervisor.lines("node.ready")) == 3)
    (restart,) = supervisor.lines("worker.restarts")
    assert (restart["worker"][1:], restart["exitCode"], restart["wait"]) == (":cpu", -9, 1)
    supervisor.process.send_signal(signal.SIGINT)
    assert supervisor.process.wait(PATIENCE) == 0, supervisor.log.read_text()


def test_workers_drain_when_their_supervisor_is_killed(supervisor: Supervisor) -> None:
    supervisor.wait(lambda: len(supervisor.lines("node.ready")) == 2)
    pids = [int(line["node"].rpartition(":")[2]) for line in supervisor.lines("node.ready")]
    supervisor.process.kill()
    supervisor.process.wait()
    deadline = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_setting_that_can_not_be_used_is_not_tried_again(
    environment: dict[str, str], tmp_path: Path
) -> None:
    broken = environment | {"LIKENESS_SIGN_KEY": "/no/such/key"}
    supervisor = Supervisor(broken, tmp_path / "workers.log", "cpu")
    assert supervisor.process.wait(PATIENCE) == 2, supervisor.log.read_text()


def test_devices_are_named_as_torch_numbers_them() -> None:
    assert devices_named("0, 2,cpu") == ["cuda:0", "cuda:2", "cpu"]
    with pytest.raises(InvalidSettings, match="at least one"):
        devices_named(",")
    with pytest.raises(InvalidSettings, match="no CUDA device"):
        devices_named("all")
