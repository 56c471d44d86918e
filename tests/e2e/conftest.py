"""Real worker processes on the real stack.

`start_worker`  starts workers for a test alone, with settings as it wants them
`worker`        one that renders in one step and that tests share, for those that leave it as it was
`slow_workers`  as many as a test asks for of those that render slowly. It may kill them: the next test gets others

A worker costs seven seconds of CPU to start, so share one where you can. Tests that do share a queue, too.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from models.job import CloneJob, CloneRequest, ReferenceSource
from tests.conftest import settings_apart
from tests.support.workers import SLOWLY, SlowWorkers, StartWorker, WorkerProcess, environment_of
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.stack import EmbeddedStack
from worker.stack.samples import load_sample
from worker.storage import Storage


class Workers:
    """Workers of one queue. They render in one step, and judge and watermark nothing unless told otherwise, since
    hardly any test looks at pictures."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self._folder = folder
        self._started: list[WorkerProcess] = []

    def start(self, **changes: object) -> WorkerProcess:
        """Start one with changed settings: `start(lease_ttl=3)`."""
        quick = {"steps": 1, "image_size": 256, "gate": "off", "watermark": "off"}
        environment = environment_of(self.settings.model_copy(update=quick | changes))
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
