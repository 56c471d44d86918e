"""The parent's handle on a child process, which is replaced whenever it dies or hangs."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import structlog

from worker.base.children.spawned import Failed, SpawnedChild

log = structlog.get_logger()

ChildT = TypeVar("ChildT", bound=SpawnedChild[Any])
Info = TypeVar("Info")


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


class AnsweringProcess(ChildProcess[SpawnedChild[Info]], Generic[Info]):
    """A handle on a child that answers requests. It is spawned at first use, and again after it died, hung or was
    killed. Threads that share it take turns."""

    def __init__(self, load_timeout: float, answer_timeout: float) -> None:
        """Both in seconds."""
        super().__init__(load_timeout)
        self._answer_timeout = answer_timeout

    def start(self) -> Info:
        """Spawns the process and waits until it is loaded. Raises the error that loading failed with."""
        with self._turn:
            return self._ready_child(lambda: None).info()

    @property
    def is_ready(self) -> bool:
        """Whether it is loaded, or there is none: the next request then loads one."""
        child = self._child
        return child is None or child.is_loaded

    def _ask(self, request: Any, raise_if_unwanted: Callable[[], None]) -> Any:
        """Sends a request and returns the answer. Raises the error that the child answered with, that of its death
        or silence, or what `raise_if_unwanted` raises, which ends the process, too."""
        with self._turn:
            child = self._ready_child(raise_if_unwanted)
            try:
                child.send(request, self._answer_timeout)
                answer = child.receive(self._answer_timeout, raise_if_unwanted)
            except BaseException as error:
                # It would still answer a request that nobody waits for. A new one loads in a second.
                event = f"{child.what.replace(' ', '_')}.ended"
                log.warning(event, pid=child.process.pid, why=type(error).__name__)
                self.stop()
                raise
        if isinstance(answer, Failed):
            raise answer.error
        return answer
