"""Threads that a worker runs beside its jobs: the heartbeat keeps leases, the reaper finds lost jobs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from models.errors import QueueUnavailable
from worker.held import HeldJob
from worker.jobs import JobStore
from worker.queue import JobQueue

log = structlog.get_logger()


class Periodic:
    """Calls `act` at once and then every `interval` seconds, on a thread of its own, until stopped.

    An outage of Redis is logged and waited out.
    """

    def __init__(self, name: str, interval: float, act: Callable[[], None]) -> None:
        self._interval = interval
        self._act = act
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._act()
            except QueueUnavailable as error:
                log.warning("redis.unavailable", thread=self._thread.name, error=error.message)
            except Exception:
                # A heartbeat that stops would lose every job of this worker.
                log.exception("periodic.failed", thread=self._thread.name)
            self._stopped.wait(self._interval)


class Heartbeat(Periodic):
    """Renews the lease of every job that this worker holds, three times in a lease's term."""

    def __init__(self, lease_ttl: float) -> None:
        super().__init__("heartbeat", lease_ttl / 3, self._renew)
        self._held: set[HeldJob] = set()

    @contextmanager
    def keeping(self, held: HeldJob) -> Iterator[None]:
        self._held.add(held)
        try:
            yield
        finally:
            self._held.discard(held)

    def _renew(self) -> None:
        for held in tuple(self._held):
            held.renew()


class Reaper(Periodic):
    """Sends jobs again whose holder fell silent or whose message never reached the queue, or got lost."""

    def __init__(self, interval: float, store: JobStore, queue: JobQueue) -> None:
        super().__init__("reaper", interval, self._reap)
        self._store = store
        self._queue = queue

    def _reap(self) -> None:
        for waiting in self._store.due():
            # A message that was sent may just be far back in the queue. In an empty queue it is lost.
            if waiting.sent and self._queue.depth() > 0:
                continue
            self._queue.send(waiting)
            log.info("job.sent_again", jobId=waiting.job_id, sentBefore=waiting.sent)
