"""A queue in which organisations take turns."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Things by whose they are, each once. Those of one organisation keep their order."""

    def __init__(self) -> None:
        # Whose turn comes next stands first.
        self._queues: dict[str, deque[T]] = {}
        self._there: set[T] = set()

    def add(self, owner: str, thing: T) -> None:
        """Nothing changes if it is in the queue."""
        if thing not in self._there:
            self._there.add(thing)
            self._queues.setdefault(owner, deque()).append(thing)

    def take(self, most: int) -> list[T]:
        """The next ones, one of each organisation in turns."""
        taken: list[T] = []
        while self._queues and len(taken) < most:
            owner = next(iter(self._queues))
            queue = self._queues.pop(owner)
            taken.append(queue.popleft())
            if queue:
                self._queues[owner] = queue
        self._there.difference_update(taken)
        return taken
