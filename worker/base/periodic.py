"""A thread that repeats a call at an interval."""

import threading
from collections.abc import Callable

import structlog

from models.errors import DatabaseUnavailable, QueueUnavailable

log = structlog.get_logger()


class Periodic:
    """Calls `act` at once and then every `interval` seconds, on a thread of its own, until stopped.

    An outage of Redis or of the database is logged and waited out.
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
            except DatabaseUnavailable as error:
                log.warning("database.unavailable", thread=self._thread.name, error=error.message)
            except Exception:
                # A heartbeat that ended would lose every job of this worker.
                log.exception("periodic.failed", thread=self._thread.name)
            self._stopped.wait(self._interval)
