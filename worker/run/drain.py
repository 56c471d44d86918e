"""Draining: after SIGTERM, jobs have a grace time to end; those that can't are handed back."""

import time


class Drain:
    """The state of draining. It is set from a signal handler, so it takes no locks."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._deadline: float | None = None

    def begin(self) -> None:
        if self._deadline is None:
            self._deadline = time.monotonic() + self._grace

    @property
    def begun(self) -> bool:
        """Whether the worker drains: no new work begins, and jobs that aren't on the device yet are handed back."""
        return self._deadline is not None

    @property
    def overdue(self) -> bool:
        """Whether the grace time is over: then every job is handed back."""
        return self._deadline is not None and time.monotonic() > self._deadline
