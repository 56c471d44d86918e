"""Workers as processes, and what tests ask of them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from models.event import JobEvent
from models.job import CloneJob, Job
from models.record import JobRecord
from tests.support.processes import children
from worker.base.settings import Settings
from worker.client import JobClient
from worker.storage import Storage

SLOWLY = {"steps": 12, "max_batch": 1}
"""Settings of a worker that takes a second for each image, one after another: faults meet its jobs midway."""


class WorkerProcess:
    """A `likeness worker` and its render process."""

    def __init__(self, environment: dict[str, str], log: Path, module: str = "worker") -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, "worker"],
                env=os.environ | environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self, timeout: float = 300) -> None:
        deadline = time.monotonic() + timeout
        while b"node.ready" not in self.log.read_bytes():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    @property
    def render_pid(self) -> int:
        """The spawned child that owns the device."""
        return self._spawned("likeness-render")

    @property
    def verify_pid(self) -> int:
        """The spawned child that judges images."""
        return self._spawned("likeness-verify")

    @property
    def watermark_pid(self) -> int:
        """The spawned child that hides numbers in images."""
        return self._spawned("likeness-watermark")

    def _spawned(self, name: str) -> int:
        # The kernel keeps 15 characters.
        return next(pid for pid in children(self.process.pid) if _comm(pid) == name[:15])

    def kill(self) -> None:
        """SIGKILL to parent and child alike, as when the machine goes."""
        for pid in (self.process.pid, self.render_pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout: float = 60) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout)


def _comm(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give another process these settings."""
    values = settings.model_dump(exclude_none=True, exclude_defaults=True)
    return {f"LIKENESS_{name.upper()}": _variable(value) for name, value in values.items()}


def _variable(value: Any) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case dict() | tuple():
            return json.dumps(value)
        case _:
            return str(value)


def free_port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


StartWorker = Callable[..., WorkerProcess]

SlowWorkers = Callable[[int], list[WorkerProcess]]

PlanJob = Callable[[Sequence[str]], CloneJob]


def follow(client: JobClient, job: Job, timeout: float = 90) -> list[JobEvent]:
    """All of a job's events, up to the terminal one."""
    return list(client.watch(job.job_id, timeout=timeout))


def done(client: JobClient, job: CloneJob) -> tuple[JobRecord, list[JobEvent]]:
    """The record and events of a job that is submitted here and followed to its end."""
    client.submit(job)
    events = follow(client, job)
    return client.get(job.job_id), events


def stored(storage: Storage, job: CloneJob) -> set[str]:
    """The keys of what is stored of a job, below its own folder."""
    prefix = storage.keys.job_prefix(job)
    return {found.key.removeprefix(f"{prefix}/") for found in storage.list(prefix)}


def wait_for(client: JobClient, job: CloneJob, event_type: str, timeout: float = 60) -> JobEvent:
    """The job's first event of a type."""
    for event in client.watch(job.job_id, timeout=timeout):
        if event.type == event_type:
            return event
    raise AssertionError(f"{job.job_id} ended without {event_type}")
