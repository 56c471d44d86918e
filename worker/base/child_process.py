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
    """There is one child at most. Threads that share it take turns, by `_turn`."""

    def __init__(self, load_timeout: float) -> None:
        """`load_timeout`: seconds that a child may take until it is loaded."""
        self._load_timeout = load_timeout
        self._turn = threading.Lock()
        self._child: ChildT | None = None

    @abstractmethod
    def _spawn(self) -> ChildT:
        """A new child, which begins to load."""

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        child = self._child
        return child.process.pid if child else None

    def revive(self) -> None:
        """Replace the process if it died while nobody used it. Raises what loading it failed with."""
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
        """End the process. What it works on is lost."""
        child, self._child = self._child, None
        if child:
            child.kill()

    def _ready_child(self, raise_if_unwanted: Callable[[], None]) -> ChildT:
        """The child, once it is loaded. Raises what loading it failed with, and what `raise_if_unwanted` does."""
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
        """Have another one load now, and not when it is asked for next."""
        event = f"{child.what.replace(' ', '_')}.replaced"
        log.warning(event, pid=child.process.pid, exitcode=child.process.exitcode)
        child.kill()
        self._child = self._spawn()
