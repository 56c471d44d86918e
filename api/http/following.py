"""Event streams. One reader for each process looks for new events of all the jobs that its streams follow."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import structlog
from starlette.concurrency import run_in_threadpool

from models.errors import LikenessError, RateLimited, Unforeseen
from models.event import JobEvent
from models.record import JobRecord
from worker.queue.jobs import JobStore

T = TypeVar("T")
log = structlog.get_logger()

# In seconds: the interval between reads; how long a stream is silent before it sends a keep-alive; and how long a
# job is silent before its status is read, in case it ended without an event.
_LOOK = 0.25
_ALIVE = 15.0
_SILENT = 5.0
# Events that may wait for one client. A client that lags further behind is cut off, and can reconnect.
_MOST_PENDING = 1000
_JOBS_A_READING = 250
# Comments, which clients of server-sent events pass over. The page shows what the last two say.
_ALIVE_TEXT = ": still here\n\n"
_WAITS_TEXT = ": the queue can't be read\n\n"
_GOES_ON_TEXT = ": the queue can be read again\n\n"

Current = Callable[[], JobRecord]


class Follower:
    """One stream's position in the events of its job, and the events that it has yet to send."""

    def __init__(self, after: int, current: Current) -> None:
        self.after = after
        self.current = current
        self._pending: asyncio.Queue[str | LikenessError | None] = asyncio.Queue(_MOST_PENDING)
        self._is_cut_off = False

    def tell(self, event: JobEvent, text: str) -> None:
        """Passes an event on, unless the stream has had it."""
        if event.sequence > self.after:
            self.after = event.sequence
            self._put(text)

    def comment(self, text: str) -> None:
        """Passes on what is no event."""
        self._put(text)

    def end(self, error: LikenessError | None = None) -> None:
        """Ends the stream, with an error if there is one."""
        self._put(error)

    async def texts(self) -> AsyncIterator[str]:
        """Yields what the stream sends until it ends. Raises the error that ended it, if any."""
        while not (self._is_cut_off and self._pending.empty()):
            try:
                async with asyncio.timeout(_ALIVE):
                    told = await self._pending.get()
            except TimeoutError:
                yield _ALIVE_TEXT
                continue
            if told is None:
                return
            if isinstance(told, LikenessError):
                raise told
            yield told

    def _put(self, told: str | LikenessError | None) -> None:
        if self._pending.full():
            self._is_cut_off = True
        if not self._is_cut_off:
            self._pending.put_nowait(told)


class Following:
    """The event streams of one process, counted for each key. For use by one event loop at a time.

    An idle stream costs only its connection: reads of Redis grow with the jobs that are followed, not with the
    streams, and the database is read only when a job ends.
    """

    def __init__(self, store: JobStore, most_streams: int) -> None:
        self._store = store
        self._most_streams = most_streams
        self._streams: Counter[str] = Counter()
        self._followed: dict[str, set[Follower]] = {}
        # When each job last had news, by the event loop's clock.
        self._heard: dict[str, float] = {}
        self._reader: asyncio.Task[None] | None = None
        # Whether the last read failed, so that streams have nothing new to tell.
        self._waits = False
        self._ends: set[asyncio.Task[None]] = set()
        # A thread of its own: those that answer calls may all be busy.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="following")

    def open(self, key_id: str) -> None:
        """Counts a new stream of the key. Raises RateLimited if the key is at its limit."""
        if self._streams[key_id] >= self._most_streams:
            raise RateLimited(
                f"This API key has {self._most_streams} event streams open, which is all it may have. "
                "Close one, or poll GET /v1/jobs/{jobId}.",
                subcode="TOO_MANY_STREAMS",
                most=self._most_streams,
                retryAfter=5,
            )
        self._streams[key_id] += 1

    def close(self, key_id: str) -> None:
        """Counts a stream of the key as closed."""
        self._streams[key_id] -= 1
        if not self._streams[key_id]:
            del self._streams[key_id]

    @contextmanager
    def following(self, job_id: str, after: int, current: Current) -> Iterator[Follower]:
        """Follows a job that isn't final. `current` returns its record, and lands it if it is final by then."""
        follower = Follower(after, current)
        self._followed.setdefault(job_id, set()).add(follower)
        self._heard.setdefault(job_id, asyncio.get_running_loop().time())
        self._start_reading()
        if self._waits:
            follower.comment(_WAITS_TEXT)
        try:
            yield follower
        finally:
            followers = self._followed.get(job_id, set())
            followers.discard(follower)
            if not followers:
                self._forget(job_id)

    def _start_reading(self) -> None:
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while self._followed:
            try:
                for job_id, events in (await self._news()).items():
                    self._tell(job_id, events)
                await self._ask_after_silent()
                self._note_reading(None)
            except LikenessError as error:
                # Streams stay open: a client that reconnects would meet the same error.
                self._note_reading(error)
            except Exception:
                log.exception("following.failed")
            await asyncio.sleep(_LOOK)

    def _note_reading(self, error: LikenessError | None) -> None:
        """Says once, in each stream and in the log, that the jobs can't be read, or can again."""
        if (error is not None) == self._waits:
            return
        self._waits = error is not None
        if error is None:
            log.info("following.goes_on")
        else:
            log.warning("following.waits", code=error.code, error=error.message)
        text = _WAITS_TEXT if self._waits else _GOES_ON_TEXT
        for followers in self._followed.values():
            for follower in followers:
                follower.comment(text)

    async def _news(self) -> dict[str, list[JobEvent]]:
        places = [(id_, min(one.after for one in followers)) for id_, followers in self._followed.items()]
        found: dict[str, list[JobEvent]] = {}
        for start in range(0, len(places), _JOBS_A_READING):
            some: Mapping[str, int] = dict(places[start : start + _JOBS_A_READING])
            found |= await self._in_thread(partial(self._store.events_of, some))
        return found

    def _tell(self, job_id: str, events: list[JobEvent]) -> None:
        followers = self._followed.get(job_id)
        if not followers:
            return
        self._heard[job_id] = asyncio.get_running_loop().time()
        for event in events:
            if event.is_terminal:
                self._conclude(job_id, event)
                return
            text = text_of(event)
            for follower in followers:
                follower.tell(event, text)

    async def _ask_after_silent(self) -> None:
        """Reads the status of silent jobs: one may end without an event, if events expired or Redis lost them."""
        now = asyncio.get_running_loop().time()
        silent = [job_id for job_id, heard in self._heard.items() if now - heard >= _SILENT]
        if not silent:
            return
        standings = await self._in_thread(partial(self._store.standings, silent))
        for job_id, standing in zip(silent, standings, strict=True):
            if job_id in self._heard:
                self._heard[job_id] = now
                if standing is None or standing.status != "running":
                    self._conclude(job_id, None)

    def _conclude(self, job_id: str, event: JobEvent | None) -> None:
        task = asyncio.create_task(self._end(job_id, self._forget(job_id), event))
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    async def _end(self, job_id: str, followers: set[Follower], event: JobEvent | None) -> None:
        """Lands the job, once for all of its streams, before they report its end."""
        error: LikenessError | None = None
        try:
            record = await run_in_threadpool(next(iter(followers)).current)
            if event is None and not record.is_final:
                self._follow_on(job_id, followers)
                return
            event = event or end_of(record)
        except LikenessError as found:
            error = found
        except Exception:
            log.exception("following.failed", jobId=job_id)
            error = Unforeseen("The job's end could not be told. Follow it again.")
        for follower in followers:
            if event is not None and error is None:
                follower.tell(event, text_of(event))
            follower.end(error)

    def _follow_on(self, job_id: str, followers: set[Follower]) -> None:
        self._followed.setdefault(job_id, set()).update(followers)
        self._heard[job_id] = asyncio.get_running_loop().time()
        self._start_reading()

    def _forget(self, job_id: str) -> set[Follower]:
        self._heard.pop(job_id, None)
        return self._followed.pop(job_id, set())

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def text_of(event: JobEvent) -> str:
    """An event as the text of a server-sent event."""
    return f"id: {event.sequence}\nevent: {event.type}\ndata: {event.to_json()}\n\n"


def end_of(record: JobRecord) -> JobEvent:
    """The terminal event of a final job, from its record."""
    return JobEvent.read_fields(
        {
            "type": f"job.{record.status}",
            "job_id": record.job_id,
            "sequence": record.sequence,
            "at": record.finished_at,
            "status": record.status,
            "stage": record.stage,
            "progress": record.progress,
            "result": record.result,
            "error": record.error,
        }
    )
