"""Polls of jobs that run, most of all calls: answered without the database, and read from Redis together."""

import asyncio
import time
from asyncio import Future, Task

from starlette.concurrency import run_in_threadpool

from models.record import JobRecord
from worker.queue.jobs import JobStore

_MOST_OWNERS = 100_000
# Seconds from one reading to the next. Handing it to a thread costs more than the reading; a poll that comes alone
# waits for nothing.
_APART = 0.003


class Polls:
    """For one event loop at a time."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._owned: set[tuple[str, str]] = set()
        self._asked: dict[str, Future[JobRecord | None]] = {}
        self._reader: Task[None] | None = None
        self._next = 0.0

    def note(self, organisation: str, job_id: str) -> None:
        """The job is the organisation's, for ever. Nobody else's polls get any quicker by it."""
        if len(self._owned) >= _MOST_OWNERS:
            self._owned.clear()
        self._owned.add((organisation, job_id))

    async def running(self, organisation: str, job_id: str) -> JobRecord | None:
        """The record of a job that was noted and still runs. None: look it up. Raises QueueUnavailable."""
        if (organisation, job_id) not in self._owned:
            return None
        record = await self._record(job_id)
        return None if record is None or record.is_final else record

    async def _record(self, job_id: str) -> JobRecord | None:
        # Read after this call came: what is being read by now may be older.
        waiting = self._asked.get(job_id)
        if waiting is None:
            waiting = self._asked[job_id] = asyncio.get_running_loop().create_future()
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        # A call that is given up doesn't give up the others' answer.
        return await asyncio.shield(waiting)

    async def _read(self) -> None:
        while self._asked:
            await asyncio.sleep(self._next - time.monotonic())
            self._next = time.monotonic() + _APART
            asked, self._asked = self._asked, {}
            try:
                records = await run_in_threadpool(self._store.records, list(asked))
            except Exception as error:  # noqa: BLE001 - it is raised where it was waited for
                for waiting in asked.values():
                    waiting.set_exception(error)
            else:
                for waiting, record in zip(asked.values(), records, strict=True):
                    waiting.set_result(record)
