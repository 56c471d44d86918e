"""Watches whether the object store accepts this worker's credentials and bucket.

When a store refuses a request, either the worker's key, bucket, clock or region is wrong, or this one request is.
The error code doesn't tell the two apart. A probe does, since it has nothing of a job in it. While the probe is
refused, the worker is broken: its jobs are handed back, it takes no others, and it looks again.
"""

import threading

import structlog

from models.errors import ClockSkewed, StorageError, StorageRefused
from worker.base.periodic import Periodic
from worker.storage import Storage
from worker.storage.client import URLS_END_EARLY

log = structlog.get_logger()

_AGAIN = 5.0
"""Seconds between two looks at a store that refuses."""


class StoreWatch:
    """Threads may share it. `trouble` is read without waiting: the error that the store refuses this worker with,
    whatever it is asked; null while it takes what this worker sends."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._looking = threading.Lock()
        self.trouble: StorageError | None = None
        self._again = Periodic("store-watch", _AGAIN, self._look_again)

    def start(self) -> None:
        """Look, and from now on look again for as long as the store refuses. A store that can't be reached is no
        reason to take no jobs: they wait for it."""
        found = self._probe()
        if isinstance(found, StorageRefused | ClockSkewed):
            self._note(found)
        elif found is None and self._storage.urls_end_early():
            log.warning("store.urls_end_early", error=URLS_END_EARLY)
        self._again.start()

    def stop(self) -> None:
        self._again.stop()

    def is_to_blame(self, error: Exception) -> bool:
        """Whether an attempt failed with this error since the store refuses the worker, whatever it sends."""
        if not isinstance(error, StorageRefused | ClockSkewed):
            return False
        with self._looking:
            if self.trouble is None:
                self._note(self._probe())
        return self.trouble is not None

    def _look_again(self) -> None:
        if self.trouble is None:
            return
        # A new client reads the machine's own credentials anew.
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
