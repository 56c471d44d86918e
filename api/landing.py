"""Landing: an influencer's row follows its job.

The rows tell what is left to do: every job of theirs that hasn't landed is looked up in the job store, and
then submitted if the store doesn't know it, marked as training, or landed. A stream of the jobs' ends, read by
a consumer group, would be quicker to read, but it would still need this: for a process that died between
writing the rows and submitting the job, for a Redis that lost its data, for an end that was trimmed from the
stream. So this is the only way, and nothing has to be resumed after a crash. Any number of processes may do it
at once: a job lands in one transaction, which begins by taking the job's row from all others.

A row is never ready before its images are: a job is completed once all of them, and the manifest, are stored.
"""

from contextlib import suppress
from datetime import UTC, datetime

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from api.database import Database
from api.rows import described_by, document_of
from api.tables import AssetRow, BoundImageRow, InfluencerRow, JobRow
from models.errors import CancelUnavailable, QueueUnavailable
from models.influencer import MOST_REFERENCES
from models.job import CloneJob, Job, parse_job
from models.record import JobRecord, JobResult
from worker.client import JobClient
from worker.jobs import JobStore

log = structlog.get_logger()
_PAGE = 500


class Landing:
    """Methods raise QueueUnavailable while Redis can't be reached."""

    def __init__(self, database: Database, client: JobClient, store: JobStore) -> None:
        self._database = database
        self._client = client
        self._store = store

    def sweep(self) -> None:
        """Do for each unfinished job what is due now. One that can't be helped doesn't hold up the others."""
        self._repeat_cancels()
        after = ""
        while page := self._unfinished(after):
            after = page[-1]
            for job_id, standing in zip(page, self._store.standings(page), strict=True):
                try:
                    if standing is None:
                        self.submit(job_id)
                    elif standing.status != "running":
                        self.land(self._store.get(job_id))
                    elif standing.is_begun:
                        self._mark_training(job_id)
                except QueueUnavailable:
                    raise
                except Exception:
                    log.exception("landing.failed", job_id=job_id)

    def submit(self, job_id: str) -> None:
        """Submit a recorded job that the job store doesn't know. If it does by now, nothing changes."""
        with self._database.read() as session:
            row = session.get(JobRow, job_id)
        if row is None or row.landed_at is not None:
            return
        job = parse_job(row.message)
        if row.canceled_at is None:
            self._client.submit(job)
        else:
            self._client.cancel_lost(job)

    def note_cancel(self, job_id: str) -> None:
        """Keep it that a cancel was accepted, whatever Redis forgets."""
        with self._database.write() as session:
            session.execute(
                update(JobRow)
                .where(JobRow.job_id == job_id, JobRow.canceled_at.is_(None))
                .values(canceled_at=datetime.now(UTC))
            )

    def land(self, record: JobRecord) -> bool:
        """Let the row follow a job that is final. False if it did so already, or isn't a row of ours."""
        now = datetime.now(UTC)
        with self._database.write() as session:
            taken = session.execute(
                update(JobRow)
                .where(JobRow.job_id == record.job_id, JobRow.landed_at.is_(None))
                .values(landed_at=now, record=record.to_json())
                .returning(JobRow)
            ).scalar_one_or_none()
            if taken is None:
                return False
            row = session.get(InfluencerRow, (taken.organisation, taken.influencer_id), with_for_update=True)
            if row is not None and row.deleted_at is None:
                if record.result is not None:
                    _make_ready(session, row, parse_job(taken.message), record.result, now)
                else:
                    row.status, row.updated_at = "failed", now
        log.info("job.landed", job_id=record.job_id, status=record.status)
        return True

    def _repeat_cancels(self) -> None:
        """A worker that held a job while Redis lost its data claims it anew, and nothing tells it of the cancel."""
        with self._database.read() as session:
            wanted = JobRow.landed_at.is_(None), JobRow.canceled_at.is_not(None)
            job_ids = session.scalars(select(JobRow.job_id).where(*wanted).limit(_PAGE)).all()
        for record in self._store.records(job_ids):
            if record is not None and not record.is_final and not record.cancel_requested:
                with suppress(CancelUnavailable):
                    self._store.cancel(record.job_id)

    def _unfinished(self, after: str) -> list[str]:
        with self._database.read() as session:
            found = session.scalars(
                select(JobRow.job_id)
                .where(JobRow.landed_at.is_(None), JobRow.job_id > after)
                .order_by(JobRow.job_id)
                .limit(_PAGE)
            )
            return list(found)

    def _mark_training(self, job_id: str) -> None:
        waiting = (
            select(InfluencerRow.influencer_id)
            .join(
                JobRow,
                (JobRow.organisation == InfluencerRow.organisation)
                & (JobRow.influencer_id == InfluencerRow.influencer_id),
            )
            .where(JobRow.job_id == job_id, InfluencerRow.status == "pending")
        )
        # Mostly it is marked already, and then nobody needs to wait for a turn to write.
        with self._database.read() as session:
            if session.scalar(waiting) is None:
                return
        with self._database.write() as session:
            job = session.get_one(JobRow, job_id)
            session.execute(
                update(InfluencerRow)
                .where(
                    InfluencerRow.organisation == job.organisation,
                    InfluencerRow.influencer_id == job.influencer_id,
                    InfluencerRow.status == "pending",
                    InfluencerRow.deleted_at.is_(None),
                )
                .values(status="training", updated_at=datetime.now(UTC))
            )


def _make_ready(session: Session, row: InfluencerRow, job: Job, result: JobResult, now: datetime) -> None:
    """The images become the row's references, before those that were bound meanwhile; then a clone's overrides are
    applied to what the row is now, so that a patch that came while it rendered isn't undone."""
    mine = (BoundImageRow.organisation == row.organisation, BoundImageRow.influencer_id == row.influencer_id)
    made = len(result.images)
    session.execute(update(BoundImageRow).where(*mine).values(position=BoundImageRow.position + made))
    session.execute(delete(BoundImageRow).where(*mine, BoundImageRow.position >= MOST_REFERENCES))
    for place, image in enumerate(result.images):
        session.add(
            AssetRow(
                asset_id=image.asset_id,
                project_id=row.project_id,
                url=image.url,
                thumbnail_url=image.thumbnail_url,
                object_key=image.key,
                thumbnail_key=image.thumbnail_key,
                created_at=now,
            )
        )
        session.flush()
        session.add(
            BoundImageRow(
                organisation=row.organisation,
                influencer_id=row.influencer_id,
                asset_id=image.asset_id,
                position=place,
                added_at=now,
            )
        )
    session.flush()
    if isinstance(job, CloneJob):
        row.document = described_by(job.overrides.apply_to(document_of(session, row)))
    row.status, row.updated_at = "ready", now
