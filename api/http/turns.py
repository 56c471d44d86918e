"""Turns at slow work. Uploads are decoded and stored on a few threads of their own; a waiting call holds none."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from models.errors import RateLimited

T = TypeVar("T")


class Turns:
    """Runs work on `places` threads. Waiting organisations take turns, and none holds all places if there are
    several. For use by one event loop at a time."""

    def __init__(self, places: int, patience: float, most_waiting: int) -> None:
        """`patience`: the longest wait for a turn, in seconds. `most_waiting`: how many calls of one organisation
        may wait."""
        self._executor = ThreadPoolExecutor(places, thread_name_prefix="turn")
        self._free = places
        self._share = max(1, places - 1)
        self._patience = patience
        self._most_waiting = most_waiting
        self._held: Counter[str] = Counter()
        # In the order of turns: the next organisation is first.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def run(self, owner: str, work: Callable[[], T]) -> T:
        """Runs `work` when its turn comes, and returns its result. Raises RateLimited if the turn doesn't come in
        time, or too many calls wait."""
        await self._take(owner)
        try:
            running = asyncio.get_running_loop().run_in_executor(self._executor, work)
        except BaseException:
            self._give_back(owner)
            raise
        # If the caller leaves, the work goes on and keeps its place until it ends.
        running.add_done_callback(lambda _: self._give_back(owner))
        return await asyncio.shield(running)

    def close(self) -> None:
        """Shuts the threads down. Doesn't wait for running work."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _take(self, owner: str) -> None:
        queue = self._waiting.setdefault(owner, deque())
        if len(queue) >= self._most_waiting:
            raise _too_many()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._grant()
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            self._leave(owner, turn)
            if isinstance(error, TimeoutError):
                raise _too_many() from None
            raise

    def _leave(self, owner: str, turn: "asyncio.Future[None]") -> None:
        queue = self._waiting.get(owner)
        if queue and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[owner]
        elif turn.done() and not turn.cancelled():
            # The turn was granted just as the caller stopped waiting.
            self._give_back(owner)

    def _give_back(self, owner: str) -> None:
        self._free += 1
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        self._grant()

    def _grant(self) -> None:
        while self._free:
            owner = next((name for name in self._waiting if self._held[name] < self._share), None)
            if owner is None:
                return
            queue = self._waiting.pop(owner)
            turn = queue.popleft()
            if queue:
                # The organisation goes behind all others that wait.
                self._waiting[owner] = queue
            if turn.cancelled():
                continue
            self._free -= 1
            self._held[owner] += 1
            turn.set_result(None)


def _too_many() -> RateLimited:
    return RateLimited("Many pictures are being checked just now. Try again.", retryAfter=1)
