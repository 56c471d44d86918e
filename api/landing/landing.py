"""Landing: updates an influencer's row when its job begins or ends.

The feed says which jobs began, ended or were retried, so that the work grows with the jobs that ended and not with
those that wait. The feed alone isn't enough. A process also looks at all jobs that haven't landed when it starts,
when Redis came back with older data or with none, and when it hasn't read the feed for long. Every few seconds it
looks at a few of them, in case a process died between writing the rows and submitting the job. Repeating the work
does no harm, so nothing has to be resumed after a crash. Any number of processes may land jobs at once: a job lands
in one transaction, which begins by locking the job's row.

A row is never ready before its images are: a job is completed once all of them, and the manifest, are stored.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from api.landing.arrival import adopt, land, mark_training, waiting_for
from api.landing.fair_queue import FairQueue
from api.rows.database import Database
from api.rows.tables import JobRow
from models.errors import CancelUnavailable, DatabaseUnavailable, QueueUnavailable
from models.job import read_job
from models.record import JobRecord
from worker.client import JobClient
from worker.queue.jobs import JobStore
from worker.queue.jobs.feed import Entry, Feed

log = structlog.get_logger()
_PAGE = 500
# Jobs that land in one transaction. Other writers wait meanwhile.
_AT_ONCE = 50
# In seconds. The feed keeps ten minutes.
_MOST_SILENCE = 300.0
# How often to look at a few jobs that haven't landed, in seconds, and at how many.
_GLANCE_EVERY = 5.0
_GLANCE = 100


class Landing:
    """Lands jobs. Methods raise QueueUnavailable while Redis can't be reached, and DatabaseUnavailable while the
    database can't."""

    def __init__(
        self,
        database: Database,
        client: JobClient,
        store: JobStore,
        feed: Feed,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._client = client
        self._store = store
        self._feed = feed
        self._clock = clock
        self._ended: FairQueue[str] = FairQueue()
        self._read_at = self._glanced_at = float("-inf")
        self._glanced = ""
        # Whether the last sweep finished.
        self._is_whole = True

    def sweep(self) -> None:
        """Does what is due now. A job that fails to land doesn't hold up the others."""
        if not self._is_whole:
            # Jobs that were taken from the queue may not have landed.
            self._read_at = float("-inf")
        self._is_whole = False
        self._read()
        while some := self._ended.take(_AT_ONCE):
            self._land(some)
            # Jobs of another organisation that ended meanwhile needn't wait for all of these.
            self._read()
        if self._clock() - self._glanced_at >= _GLANCE_EVERY:
            self._repeat_cancels()
            self._glanced = self._look_at(self._glanced, _GLANCE)
            self._glanced_at = self._clock()
        self._is_whole = True

    def submit(self, job_id: str) -> None:
        """Submits a recorded job that the job store doesn't know, or cancels it if a cancel was accepted. Changes
        nothing if the store knows it by now."""
        with self._database.read() as session:
            row = session.get(JobRow, job_id)
        if row is None or row.landed_at is not None:
            return
        job = read_job(row.message)
        if row.canceled_at is None:
            self._client.submit(job)
        else:
            self._client.cancel_lost(job)

    def note_cancel(self, job_id: str) -> None:
        """Records that a cancel was accepted, since Redis may forget it."""
        with self._database.write() as session:
            session.execute(
                update(JobRow)
                .where(JobRow.job_id == job_id, JobRow.canceled_at.is_(None))
                .values(canceled_at=datetime.now(UTC))
            )

    def land(self, record: JobRecord) -> bool:
        """Lands a job that is final. Returns False if it has landed already, or isn't in this database."""
        return bool(self._commit([record], waits=True))

    def _read(self) -> None:
        """Reads the feed. Where the feed isn't complete, looks at all jobs."""
        now = self._clock()
        while now - self._read_at < _MOST_SILENCE:
            entries = self._feed.read()
            if entries is None:
                break
            self._note(entries)
            self._read_at = now
            if not entries:
                return
        # Stays so until all of this is done.
        self._read_at = float("-inf")
        self._feed.begin()
        for heir in self._feed.heirs():
            self._adopt(heir)
        self._repeat_cancels()
        after = ""
        while after := self._look_at(after, _PAGE):
            pass
        self._read_at = self._clock()

    def _note(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.news == "retried":
                self._adopt(entry)
        with self._database.read() as session:
            ended = [entry.job_id for entry in entries if entry.news == "ended"]
            known = select(JobRow.organisation, JobRow.job_id).where(JobRow.landed_at.is_(None))
            for organisation, job_id in session.execute(known.where(JobRow.job_id.in_(ended))):
                self._ended.add(organisation, job_id)
        self._mark_training([entry.job_id for entry in entries if entry.news == "begun"])
        if entries:
            self._feed.passed(entries[-1])

    def _look_at(self, after: str, most: int) -> str:
        """Handles jobs that haven't landed, and returns the id of the last one it looked at, or "" at the end."""
        with self._database.read() as session:
            asked = select(JobRow.job_id, JobRow.organisation).where(
                JobRow.landed_at.is_(None), JobRow.job_id > after
            )
            found = session.execute(asked.order_by(JobRow.job_id).limit(most)).all()
        standings = self._store.standings([job_id for job_id, _ in found])
        begun: list[str] = []
        for (job_id, organisation), standing in zip(found, standings, strict=True):
            if standing is None:
                self._guarded(job_id, partial(self.submit, job_id))
            elif standing.status != "running":
                self._ended.add(organisation, job_id)
            elif standing.is_begun:
                begun.append(job_id)
        self._mark_training(begun)
        return found[-1][0] if len(found) == most else ""

    def _land(self, job_ids: Sequence[str]) -> None:
        found = zip(job_ids, self._store.records(job_ids), strict=True)
        records = [record for _, record in found if record is not None and record.is_final]
        try:
            self._commit(records, waits=False)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            if len(records) == 1:
                log.exception("landing.failed", jobId=records[0].job_id)
                return
            log.warning("landing.one_by_one", error=type(error).__name__)
            for record in records:
                self._guarded(record.job_id, partial(self._commit, [record], waits=False))

    def _commit(self, records: Sequence[JobRecord], *, waits: bool) -> list[str]:
        by_id = {record.job_id: record for record in records}
        if not by_id:
            return []
        with self._database.write() as session:
            landed = land(session, by_id, datetime.now(UTC), waits=waits)
        for job_id in landed:
            log.info("job.landed", jobId=job_id, status=by_id[job_id].status)
        return landed

    def _repeat_cancels(self) -> None:
        """Repeats accepted cancels: a worker that held a job while Redis lost its data claims it anew,
        uncanceled."""
        with self._database.read() as session:
            wanted = JobRow.landed_at.is_(None), JobRow.canceled_at.is_not(None)
            job_ids = session.scalars(select(JobRow.job_id).where(*wanted).limit(_PAGE)).all()
        for record in self._store.records(job_ids):
            if record is not None and not record.is_final and not record.cancel_requested:
                with suppress(CancelUnavailable):
                    self._store.cancel(record.job_id)

    def _adopt(self, heir: Entry) -> None:
        def act() -> None:
            with self._database.read() as session:
                if session.get(JobRow, heir.of) is None or session.get(JobRow, heir.job_id) is not None:
                    return
            # The failed job must land first, or its landing would undo what this does.
            (record,) = self._store.records([heir.of])
            if record is not None and record.is_final:
                self.land(record)
            try:
                with self._database.write() as session:
                    adopt(session, heir.job_id, heir.of, datetime.now(UTC))
            except IntegrityError:
                # Another process has adopted it.
                return
            log.info("job.adopted", jobId=heir.job_id, of=heir.of)

        self._guarded(heir.job_id, act)

    def _mark_training(self, job_ids: Sequence[str]) -> None:
        if not job_ids:
            return
        # Mostly they are marked already, and then there is no need to wait for a turn to write.
        with self._database.read() as session:
            if not waiting_for(session, job_ids):
                return
        with self._database.write() as session:
            mark_training(session, job_ids, datetime.now(UTC))

    def _guarded(self, job_id: str, act: Callable[[], object]) -> None:
        try:
            act()
        except (QueueUnavailable, DatabaseUnavailable):
            raise
        except Exception:
            log.exception("landing.failed", jobId=job_id)
