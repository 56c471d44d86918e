"""A queue in which organisations take turns."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Things grouped by their owner, each at most once. Those of one owner keep their order."""

    def __init__(self) -> None:
        # In the order of turns: the next owner is first.
        self._queues: dict[str, deque[T]] = {}
        self._there: set[T] = set()

    def add(self, owner: str, thing: T) -> None:
        """Adds a thing, unless it is in the queue."""
        if thing not in self._there:
            self._there.add(thing)
            self._queues.setdefault(owner, deque()).append(thing)

    def take(self, most: int) -> list[T]:
        """Removes and returns the next things, one of each owner in turn."""
        taken: list[T] = []
        while self._queues and len(taken) < most:
            owner = next(iter(self._queues))
            queue = self._queues.pop(owner)
            taken.append(queue.popleft())
            if queue:
                self._queues[owner] = queue
        self._there.difference_update(taken)
        return taken
