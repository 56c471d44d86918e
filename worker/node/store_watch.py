"""Watches whether the object store accepts this worker's credentials and bucket.

When a store refuses a request, either the worker's key, bucket, clock or region is wrong, or this one request is.
The error code doesn't tell the two apart. A probe does, since it has nothing of a job in it. While the probe is
refused, the worker is broken: its jobs are handed back, it takes no others, and it repeats the probe.
"""

import threading

import structlog

from models.errors import ClockSkewed, StorageError, StorageRefused
from worker.base.periodic import Periodic
from worker.storage import Storage
from worker.storage.client import URLS_END_EARLY

log = structlog.get_logger()

_AGAIN = 5.0
"""Seconds between two probes of a store that refuses."""


class StoreWatch:
    """Knows whether the store refuses this worker. `trouble` is the error with which it refuses every request; None
    while it accepts them. Reading it never blocks. Threads may share it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._looking = threading.Lock()
        self.trouble: StorageError | None = None
        self._again = Periodic("store-watch", _AGAIN, self._look_again)

    def start(self) -> None:
        """Probes the store, and from then on again for as long as it refuses. A store that can't be reached doesn't
        keep the worker from taking jobs: they wait for it."""
        found = self._probe()
        if isinstance(found, StorageRefused | ClockSkewed):
            self._note(found)
        elif found is None and self._storage.urls_end_early():
            log.warning("store.urls_end_early", error=URLS_END_EARLY)
        self._again.start()

    def stop(self) -> None:
        self._again.stop()

    def is_to_blame(self, error: Exception) -> bool:
        """Whether an attempt failed with this error because the store refuses whatever this worker sends."""
        if not isinstance(error, StorageRefused | ClockSkewed):
            return False
        with self._looking:
            if self.trouble is None:
                self._note(self._probe())
        return self.trouble is not None

    def _look_again(self) -> None:
        if self.trouble is None:
            return
        # A new client reads the machine's own credentials again.
        self._storage.close()
        self._note(self._probe())

    def _probe(self) -> StorageError | None:
        try:
            self._storage.clock()
            self._storage.check_writable()
        except StorageError as error:
            return error
        return None

    def _note(self, found: StorageError | None) -> None:
        before, self.trouble = self.trouble, found
        if found and (before is None or before.message != found.message):
            log.critical("store.refuses", code=found.code, error=found.message)
        if before and not found:
            log.info("store.accepts")
