"""Time limits for calls that may hang: a slow store, a key service that never answers, an endless picture."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import ContextVar, copy_context
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

import structlog

from models.errors import LikenessError

log = structlog.get_logger()

T = TypeVar("T")

# How often a waiting caller checks whether to go on waiting, in seconds.
_TICK = 0.2
# How many threads may be left behind at once before the process should be replaced.
_MOST_HANGING = 16

_left_behind: ContextVar[threading.Event | None] = ContextVar("left_behind", default=None)


class LeftBehindError(Exception):
    """Raised in work that nobody waits for any more."""


class _Threads:
    """Reusable threads. With a new one for each call, a worker's memory grew by 100 MB an hour: what short-lived
    threads allocate fragments the allocator's arenas."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[Callable[[], None]]] = []

    def run(self, work: Callable[[], None]) -> None:
        with self._lock:
            works = self._idle.pop() if self._idle else None
        if works is None:
            works = SimpleQueue()
            threading.Thread(target=self._serve, args=(works,), name="watched", daemon=True).start()
        works.put(work)

    def _serve(self, works: "SimpleQueue[Callable[[], None]]") -> None:
        while True:
            works.get()()
            with self._lock:
                self._idle.append(works)


_threads = _Threads()


class Watchdog:
    """Makes each call on another thread, and waits for it no longer than its limit.

    A thread can't be killed, so one that hangs is left behind. It blocks no place in a pool, begins no new work
    that calls `still_wanted`, and doesn't delay the end of the process. Once more than sixteen hang at a time,
    `flooded` is called: the process should then be replaced.

    `check` is called while waiting; what it raises ends the wait, and the thread is left behind as well.
    """

    def __init__(
        self, check: Callable[[], None] = lambda: None, flooded: Callable[[], None] = lambda: None
    ) -> None:
        self._check = check
        self._flooded = flooded
        self._lock = threading.Lock()
        self._hanging = 0

    def call(self, work: Callable[[], T], limit: float, hung: LikenessError) -> T:
        """Returns or raises what `work` does. Raises `hung` after `limit` seconds."""
        future: Future[T] = Future()
        left_behind = threading.Event()
        context = copy_context()
        context.run(_left_behind.set, left_behind)
        _threads.run(partial(context.run, _do, work, future))
        deadline = time.monotonic() + limit
        try:
            while wait([future], timeout=_TICK).not_done:
                self._check()
                if time.monotonic() > deadline:
                    self._count(future)
                    raise hung
        except BaseException:
            left_behind.set()
            raise
        return future.result()

    def _count(self, future: Future[T]) -> None:
        with self._lock:
            self._hanging += 1
            hanging = self._hanging
        future.add_done_callback(self._ended)
        log.warning("call.hangs", hanging=hanging)
        if hanging > _MOST_HANGING:
            self._flooded()

    def _ended(self, _: Future[T]) -> None:
        with self._lock:
            self._hanging -= 1


def still_wanted() -> None:
    """Raises LeftBehindError if nobody waits for this work any more. Work calls it before visible effects."""
    left_behind = _left_behind.get()
    if left_behind is not None and left_behind.is_set():
        raise LeftBehindError


def _do(work: Callable[[], T], future: Future[T]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - it is the caller's
        future.set_exception(error)
    else:
        future.set_result(result)
