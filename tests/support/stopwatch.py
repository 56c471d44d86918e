"""How long something takes, by the time that this process is given.

Now and then a busy machine lets a whole process stand still for seconds, and then a bound in wall-clock time fails
by chance. Here a thread counts its own short sleeps, so that such a standstill counts as one of them.
"""

from threading import Event, Thread
from typing import Self

_TICK = 0.01


class Stopwatch:
    """Runs within its block: `with Stopwatch() as watch`."""

    def __init__(self) -> None:
        self._ticks = 0
        self._stopping = Event()
        self._thread = Thread(target=self._count, daemon=True)

    @property
    def seconds(self) -> float:
        return self._ticks * _TICK

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _count(self) -> None:
        while not self._stopping.wait(_TICK):
            self._ticks += 1
