"""The parent's handle on a child process, which is replaced whenever it dies or hangs."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import structlog

from worker.base.spawned import SpawnedChild

log = structlog.get_logger()

ChildT = TypeVar("ChildT", bound=SpawnedChild[Any])


class ChildProcess(ABC, Generic[ChildT]):
    """A handle on at most one child. Threads that share it take turns through `_turn`."""

    def __init__(self, load_timeout: float) -> None:
        """`load_timeout`: seconds that a child may take to load."""
        self._load_timeout = load_timeout
        self._turn = threading.Lock()
        self._child: ChildT | None = None

    @abstractmethod
    def _spawn(self) -> ChildT:
        """Spawns a new child, which begins to load."""

    @property
    def pid(self) -> int | None:
        """The child's process id; None without a child."""
        child = self._child
        return child.process.pid if child else None

    def revive(self) -> None:
        """Replaces the process if it died while nobody used it. Raises the error that loading failed with."""
        child = self._child
        if child is None or child.is_loaded or not self._turn.acquire(blocking=False):
            return
        try:
            if (child := self._child) and not child.process.is_alive():
                self._replace(child)
                self._ready_child(lambda: None)
        finally:
            self._turn.release()

    def stop(self) -> None:
        """Ends the process. Its current work is lost."""
        child, self._child = self._child, None
        if child:
            child.kill()

    def _ready_child(self, raise_if_unwanted: Callable[[], None]) -> ChildT:
        """Returns the child once it is loaded. Raises the error of its loading, or of `raise_if_unwanted`."""
        if self._child is None or not self._child.is_fit:
            self.stop()
            self._child = self._spawn()
        child = self._child
        try:
            child.wait_ready(self._load_timeout, raise_if_unwanted)
        except child.load_failures:
            self.stop()
            raise
        return child

    def _replace(self, child: ChildT) -> None:
        """Kills the child and spawns another at once, so that it loads before it is needed."""
        event = f"{child.what.replace(' ', '_')}.replaced"
        log.warning(event, pid=child.process.pid, exitCode=child.process.exitcode)
        child.kill()
        self._child = self._spawn()
