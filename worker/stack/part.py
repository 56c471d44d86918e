"""The base of what a stack runs: a child process that can be started again."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from worker.stack.child import LeashedChild


class Part(ABC):
    """A server, or another process, that ends with this one. Use it in a `with` block."""

    name: str
    log: Path
    """The file with its output."""
    _child: LeashedChild | None = None

    @abstractmethod
    def _launch(self) -> LeashedChild:
        """Starts a child. Raises StackError."""

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.is_alive

    @property
    def status(self) -> int | None:
        """The exit status, once it has ended by itself."""
        return self._child.status if self._child else None

    def start(self) -> None:
        """Starts it, unless it runs. Raises StackError if that fails."""
        if not self.is_running:
            self.stop()  # Removes what is left of one that crashed.
            self._child = self._launch()

    def stop(self) -> None:
        """Stops it and waits for its end. Does nothing if it doesn't run."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
