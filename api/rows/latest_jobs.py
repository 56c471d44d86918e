"""The latest job of each influencer that waits for its images, or whose job failed."""

import json
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from api.documents import InfluencerJob, JobFailure
from api.rows.tables import InfluencerRow, JobRow
from models.clone import CLONE
from models.record import JobRecord

_STATUSES = ("pending", "training", "failed")


def latest_jobs(session: Session, rows: Sequence[InfluencerRow]) -> dict[str, InfluencerJob]:
    """The latest jobs, by influencer id, of those rows of one organisation that are pending, training or failed."""
    waiting = [row for row in rows if row.status in _STATUSES]
    if not waiting:
        return {}
    newest = func.row_number().over(
        partition_by=JobRow.influencer_id, order_by=(JobRow.created_at.desc(), JobRow.job_id.desc())
    )
    ranked = (
        select(JobRow, newest.label("place"))
        .where(
            JobRow.organisation == waiting[0].organisation,
            JobRow.influencer_id.in_([row.influencer_id for row in waiting]),
        )
        .subquery()
    )
    found = session.scalars(select(aliased(JobRow, ranked)).where(ranked.c.place == 1))
    return {job.influencer_id: _shown(job) for job in found}


def _shown(job: JobRow) -> InfluencerJob:
    kind = job.kind or json.loads(job.message).get("kind", CLONE)
    if job.record is None:
        return InfluencerJob(job_id=job.job_id, kind=kind, status="running", error=None)
    record = JobRecord.read(job.record)
    failure = record.error and JobFailure(code=record.error.code, message=record.error.message)
    return InfluencerJob(job_id=job.job_id, kind=kind, status=record.status, error=failure)
