"""Whether the database answers, for probes."""

import time
from threading import Lock

from sqlalchemy import text

from api.rows.database import Database
from models.errors import DatabaseUnavailable

# In seconds. Anybody may probe, and each look takes one of the database's connections.
_LOOKS_EVERY = 1.0


class Readiness:
    """Says whether the database answers. Redis is no condition: reads and new jobs don't need it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looking = Lock()
        self._next_look = 0.0
        self._reasons: list[str] = []

    def reasons(self) -> list[str]:
        """Why calls can't be answered now; empty if they can. Safe to call from many threads: one looks, at most
        once a second, and the others get what was seen last."""
        if time.monotonic() >= self._next_look and self._looking.acquire(blocking=False):
            try:
                self._reasons = self._look()
                self._next_look = time.monotonic() + _LOOKS_EVERY
            finally:
                self._looking.release()
        return self._reasons

    def _look(self) -> list[str]:
        try:
            with self._database.read() as session:
                session.execute(text("SELECT 1"))
        except DatabaseUnavailable:
            return ["the database doesn't answer"]
        return []
