"""Real worker processes on the real stack.

`start_worker`  starts workers for a test alone, with settings as it wants them
`worker`        one that renders in one step and that tests share, for those that leave it as it was
`slow_workers`  as many as a test asks for of those that render slowly. It may kill them: the next test gets others

A worker costs seven seconds of CPU to start, so share one where you can. Tests that do share a queue, too.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from models.event import JobEvent
from models.job import CloneJob, CloneRequest, Job, ReferenceSource
from tests.conftest import settings_apart
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.stack import EmbeddedStack
from worker.stack.samples import load_sample
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
        return next(pid for pid in self._spawned() if not _judges(pid))

    @property
    def verify_pid(self) -> int:
        """The spawned child that judges images."""
        return next(pid for pid in self._spawned() if _judges(pid))

    def _spawned(self) -> list[int]:
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in _children(self.process.pid)}
        return [pid for pid, command in commands.items() if b"spawn_main" in command]

    def kill(self) -> None:
        """SIGKILL to parent and child alike, as when the machine goes."""
        for pid in (self.process.pid, self.render_pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout: float = 60) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        # Threads come and go meanwhile; one that is gone has left its children to another.
        with suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, (task / "children").read_text().split())
    return found


def _judges(pid: int) -> bool:
    return "dlib" in Path(f"/proc/{pid}/maps").read_text()


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


class Workers:
    """Workers of one queue. They render in one step and judge nothing unless told otherwise, since hardly any test
    looks at pictures."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self._folder = folder
        self._started: list[WorkerProcess] = []

    def start(self, **changes: object) -> WorkerProcess:
        """Start one with changed settings: `start(lease_ttl=3)`."""
        environment = environment_of(
            self.settings.model_copy(update={"steps": 1, "image_size": 256, "gate": "off"} | changes)
        )
        worker = WorkerProcess(environment, self._folder / f"worker-{len(self._started)}.log")
        self._started.append(worker)
        return worker

    def living(self, count: int, **changes: object) -> list[WorkerProcess]:
        """So many that are ready, no more and no fewer. Those that are missing are started like this."""
        living = [worker for worker in self._started if worker.process.poll() is None]
        for worker in living[count:]:
            worker.stop()
        living = living[:count] + [self.start(**changes) for _ in range(count - len(living))]
        for worker in living:
            worker.wait_ready()
        return living

    def kill(self) -> None:
        for worker in self._started:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()


StartWorker = Callable[..., WorkerProcess]
SlowWorkers = Callable[[int], list[WorkerProcess]]


@pytest.fixture(scope="session")
def _shared(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    workers = Workers(settings_apart(stack), tmp_path_factory.mktemp("shared"))
    yield workers
    workers.kill()


@pytest.fixture(scope="session")
def _shared_slow(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    workers = Workers(settings_apart(stack), tmp_path_factory.mktemp("slow"))
    yield workers
    workers.kill()


@pytest.fixture
def settings(request: pytest.FixtureRequest, stack: EmbeddedStack) -> Settings:
    """A test that shares workers shares their queue."""
    for theirs, fixture in (("worker", "_shared"), ("slow_workers", "_shared_slow")):
        if theirs in request.fixturenames:
            shared: Workers = request.getfixturevalue(fixture)
            return shared.settings
    return settings_apart(stack)


@pytest.fixture
def worker(_shared: Workers) -> WorkerProcess:
    (worker,) = _shared.living(1)
    return worker


@pytest.fixture
def slow_workers(_shared_slow: Workers) -> SlowWorkers:
    """Their render processes count as hung after 15 s; a job has two attempts. They drain for up to a minute."""
    changes = {"step_timeout": 15, "max_attempts": 2, "drain_grace": 60} | SLOWLY
    return lambda count: _shared_slow.living(count, **changes)


@pytest.fixture
def start_worker(settings: Settings, tmp_path: Path) -> Iterator[StartWorker]:
    workers = Workers(settings, tmp_path)
    yield workers.start
    workers.kill()


@pytest.fixture
def client(settings: Settings) -> JobClient:
    return JobClient(settings)


@pytest.fixture
def plan(storage: Storage) -> Callable[[Sequence[str]], CloneJob]:
    """Make jobs for a sample persona whose references are in the media library."""
    source, files = load_sample("maya")
    references = []
    for number, data in enumerate(files[:3]):
        asset_id = f"med_sample-{number}"
        storage.put_image(storage.keys.media_key(source.project_id, asset_id), data, "image/webp", {})
        references.append(ReferenceSource(asset_id=asset_id))

    def make(shots: Sequence[str]) -> CloneJob:
        return plan_clone(source, CloneRequest(name="Maya B"), references, shots)

    return make


PlanJob = Callable[[Sequence[str]], CloneJob]


def follow(client: JobClient, job: Job, timeout: float = 90) -> list[JobEvent]:
    """All of a job's events, up to the terminal one."""
    return list(client.watch(job.job_id, timeout=timeout))


def wait_for(client: JobClient, job: CloneJob, event_type: str, timeout: float = 60) -> JobEvent:
    """The job's first event of a type."""
    for event in client.watch(job.job_id, timeout=timeout):
        if event.type == event_type:
            return event
    raise AssertionError(f"{job.job_id} ended without {event_type}")
