"""Polls of running jobs, which are most calls: answered without the database, by shared reads of Redis."""

import asyncio
import time
from asyncio import Future, Task

from starlette.concurrency import run_in_threadpool

from models.record import JobRecord
from worker.queue.jobs import JobStore

_MOST_OWNERS = 100_000
# Seconds between reads. Handing a read to a thread costs more than the read itself, so polls share one. A poll that
# comes alone doesn't wait.
_APART = 0.003


class Polls:
    """Answers polls of running jobs. For use by one event loop at a time."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._owned: set[tuple[str, str]] = set()
        self._asked: dict[str, Future[JobRecord | None]] = {}
        self._reader: Task[None] | None = None
        self._next = 0.0

    def note(self, organisation: str, job_id: str) -> None:
        """Remembers that the organisation owns the job, which never changes. Other organisations' polls get no
        faster by it."""
        if len(self._owned) >= _MOST_OWNERS:
            self._owned.clear()
        self._owned.add((organisation, job_id))

    async def running(self, organisation: str, job_id: str) -> JobRecord | None:
        """The record of a noted job that still runs. None means that the caller must look it up. Raises
        QueueUnavailable."""
        if (organisation, job_id) not in self._owned:
            return None
        record = await self._record(job_id)
        return None if record is None or record.is_final else record

    async def _record(self, job_id: str) -> JobRecord | None:
        # The read must begin after this call: one that is under way may return an older record.
        waiting = self._asked.get(job_id)
        if waiting is None:
            waiting = self._asked[job_id] = asyncio.get_running_loop().create_future()
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        # Shielded, so that a call that is cancelled doesn't cancel the answer for the others.
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
