"""Completes jobs that an earlier version recorded or landed. During a rolling update, it still does."""

import json

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.rows.database import Database
from api.rows.tables import UNFILLED, InfluencerRow, JobRow
from models.clone import CLONE
from models.record import Asked

# Rows of one transaction. Other writers wait meanwhile.
_AT_ONCE = 200


def backfill(database: Database) -> None:
    """Fills in a job's kind and status, and the source of its influencer, where these are missing."""
    while True:
        with database.write() as session:
            asked = select(JobRow).where(UNFILLED).limit(_AT_ONCE).with_for_update(skip_locked=True)
            jobs = session.scalars(asked).all()
            for job in jobs:
                _complete(session, job)
        if len(jobs) < _AT_ONCE:
            return


def _complete(session: Session, job: JobRow) -> None:
    if job.landed_at is not None and job.status is None:
        # The landing sets both. Were there no record, the job would be looked at for ever.
        job.status = json.loads(job.record)["status"] if job.record else "failed"
    if job.kind is not None:
        return
    message = json.loads(job.message)
    job.kind = message.get("kind", CLONE)
    source = Asked.of(message).source_influencer_id
    if source is not None:
        session.execute(
            update(InfluencerRow)
            .where(
                InfluencerRow.organisation == job.organisation,
                InfluencerRow.influencer_id == job.influencer_id,
                InfluencerRow.source_influencer_id.is_(None),
            )
            .values(source_influencer_id=source)
        )
