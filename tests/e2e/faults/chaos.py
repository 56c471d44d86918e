"""What faults act on: the services and the workers of a run, and who has which of them in hand."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random

import redis
import typer

from models.job import CloneJob
from tests.e2e.faults.afterwards import asking
from tests.e2e.faults.fleet import Fleet, node_of
from tests.e2e.faults.planned import Injected, Planned
from tests.e2e.faults.proxies import StoreProxy, TcpProxy
from tests.e2e.faults.services import Deliverer, HangingReceiver, LastingRedis
from tests.e2e.faults.shuffled import shuffle
from tests.support.servers.postgresql import PostgreSQL
from tests.support.workers import WorkerProcess
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.queue.lanes import Lanes
from worker.queue.queue import JobQueue, make_app


class Chaos:
    """Injects a plan's faults. Those of one service, and of one worker, come one after another; others overlap."""

    def __init__(
        self,
        settings: Settings,
        *,
        redis_server: LastingRedis,
        redis_proxy: TcpProxy,
        store_proxy: StoreProxy,
        fleet: Fleet,
        receiver: HangingReceiver,
        deliverer: Deliverer,
        submitted: Sequence[CloneJob],
        database: PostgreSQL | None = None,
    ) -> None:
        """`settings` lead to Redis directly. `submitted` grows meanwhile. `database`: the API's."""
        self.injected: list[Injected] = []
        self.slowest_drain = 0.0
        self.fleet = fleet
        self.receiver = receiver
        self.redis_server = redis_server
        self.redis_proxy = redis_proxy
        self.store_proxy = store_proxy
        self.deliverer = deliverer
        self.database = database
        self._settings = settings
        self._submitted = submitted
        self.redis = redis.Redis.from_url(settings.redis_url.get_secret_value(), decode_responses=True)
        self._queue = JobQueue(settings, JobStore(settings), make_app(settings))
        self._locks = {name: threading.Lock() for name in ("redis", "store", "receiver", "database")}
        self._victims: set[int] = set()
        self._choosing = threading.Lock()

    def run(self, planned: Sequence[Planned], injects: Mapping[str, "Inject"]) -> None:
        start = time.monotonic()
        threads = []
        for fault in planned:
            time.sleep(max(0.0, start + fault.at - time.monotonic()))
            thread = threading.Thread(target=injects[fault.kind], args=(self, fault))
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    @contextmanager
    def one_at_a_time(self, service: str) -> Iterator[None]:
        with self._locks[service]:
            yield

    @contextmanager
    def victim(self, fault: Planned) -> Iterator[WorkerProcess]:
        """A worker that no other fault has in its hands; one that has jobs, if there soon is any."""
        patience = time.monotonic() + 5
        while True:
            with self._choosing:
                held = self.held()
                free = [w for w in self.fleet.ready() if w.process.pid not in self._victims]
                busy = [w for w in free if node_of(w) in held]
                if time.monotonic() > patience:
                    busy = busy or free
                if busy:
                    chosen = busy[fault.draw % len(busy)]
                    self._victims.add(chosen.process.pid)
                    break
            time.sleep(0.2)
        try:
            yield chosen
        finally:
            # A pid is of one process for long enough.
            self._victims.discard(chosen.process.pid)

    def note(self, fault: Planned, at: float, since: float, jobs: Sequence[str] = (), whom: str = "") -> None:
        self.injected.append(Injected(fault.kind, at, since, tuple(jobs)))
        # Beside the workers' logs, this is how a run is read.
        began, ended = (datetime.fromtimestamp(t, UTC).strftime("%H:%M:%S.%f")[:-3] for t in (at, since))
        typer.echo(f"{began} to {ended} {fault.kind} {whom} {' '.join(jobs)}")

    def held(self) -> dict[str, list[str]]:
        """The jobs in hand, by their holders."""
        held: dict[str, list[str]] = {}
        jobs = [job.job_id for job in tuple(self._submitted)]
        while True:
            try:
                with self.redis.pipeline(transaction=False) as pipeline:
                    for job_id in jobs:
                        pipeline.hget(f"{self._settings.redis_prefix}:job:{job_id}", "holder")
                    holders = pipeline.execute()
                break
            except redis.RedisError:
                time.sleep(0.2)
        for job_id, holder in zip(jobs, holders, strict=True):
            if holder:
                held.setdefault(holder, []).append(job_id)
        return held

    def all_held(self) -> list[str]:
        return [job_id for jobs in self.held().values() for job_id in jobs]

    def wait_for_asking(self, seconds: float) -> bool:
        """Wait until a worker asks for messages: none does while Redis is away. False if it takes too long."""
        patience = time.monotonic() + seconds
        while not asking(self._settings):
            if time.monotonic() > patience:
                return False
            time.sleep(0.1)
        return True

    def deliver_again(self, draw: int) -> None:
        random = Random(draw)
        for job in random.choices(tuple(self._submitted), k=4):
            for _ in range(2):
                self._queue.put_back(job.job_id, job.to_data(), job.project_id)

    def shuffle_queues(self, draw: int) -> int:
        """How many messages have another place now."""
        return shuffle(self.redis, Lanes(self._settings).all, draw)


Inject = Callable[[Chaos, Planned], None]
