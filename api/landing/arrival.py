"""Updates rows when jobs begin, end or are retried. Each function runs in its caller's transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, tuple_, update
from sqlalchemy.orm import Session

from api.rows.rows import described_by, persona_of
from api.rows.tables import AssetRow, BoundImageRow, InfluencerRow, JobRow
from models.influencer import MOST_REFERENCES
from models.job import CreateJob, read_job
from models.record import JobRecord, JobResult
from worker.queue.jobs.dead import heir_of

# An influencer's key.
Key = tuple[str, str]
_UNDER_WAY = ("pending", "training")


def land(session: Session, records: Mapping[str, JobRecord], now: datetime, *, waits: bool) -> list[str]:
    """Updates the rows of jobs that are final. Returns the ids of those that landed now.

    With `waits`, waits for another transaction that lands one of them; otherwise leaves that job to it. A caller
    that lands several at once must not wait, or two could wait for each other.
    """
    asked = select(JobRow).where(JobRow.job_id.in_(records), JobRow.landed_at.is_(None))
    taken = session.scalars(asked.order_by(JobRow.job_id).with_for_update(skip_locked=not waits)).all()
    rows = _influencers_of(session, taken)
    made: list[tuple[InfluencerRow, JobResult]] = []
    for job in taken:
        record = records[job.job_id]
        job.landed_at, job.status, job.record = now, record.status, record.to_json()
        row = rows.get((job.organisation, job.influencer_id))
        if row is None or row.deleted_at is not None:
            continue
        if record.result is not None:
            _make_ready(row, job, record.result, now)
            made.append((row, record.result))
        elif row.status in _UNDER_WAY:
            row.status, row.updated_at = "failed", now
    _add_images(session, made, now)
    return [job.job_id for job in taken]


def mark_training(session: Session, job_ids: Sequence[str], now: datetime) -> None:
    """Marks the jobs' influencers as training: their images are being rendered."""
    keys = waiting_for(session, job_ids)
    if keys:
        session.execute(
            update(InfluencerRow)
            .where(_is_one_of(keys), InfluencerRow.status == "pending", InfluencerRow.deleted_at.is_(None))
            .values(status="training", updated_at=now)
        )


def waiting_for(session: Session, job_ids: Sequence[str]) -> list[Key]:
    """The influencers of these jobs that are pending."""
    asked = (
        select(InfluencerRow.organisation, InfluencerRow.influencer_id)
        .join(
            JobRow,
            (JobRow.organisation == InfluencerRow.organisation)
            & (JobRow.influencer_id == InfluencerRow.influencer_id),
        )
        .where(JobRow.job_id.in_(job_ids), JobRow.landed_at.is_(None), InfluencerRow.status == "pending")
    )
    return [(organisation, influencer_id) for organisation, influencer_id in session.execute(asked)]


def adopt(session: Session, job_id: str, of: str, now: datetime) -> None:
    """Records the job that a dead letter was retried as. An influencer that failed waits for it.

    Does nothing if the dead letter isn't a job of this database, or the new job is recorded already.
    """
    failed = session.get(JobRow, of)
    if failed is None or session.get(JobRow, job_id) is not None:
        return
    heir = heir_of(json.loads(failed.message), job_id)
    session.add(
        JobRow(
            job_id=job_id,
            organisation=failed.organisation,
            project_id=failed.project_id,
            influencer_id=failed.influencer_id,
            kind=heir.kind,
            message=heir.to_json(),
            created_at=now,
        )
    )
    row = session.get(InfluencerRow, (failed.organisation, failed.influencer_id), with_for_update=True)
    if row is not None and row.deleted_at is None and row.status == "failed":
        row.status, row.updated_at = "pending", now


def _influencers_of(session: Session, jobs: Iterable[JobRow]) -> dict[Key, InfluencerRow]:
    """The jobs' influencers, locked in an order that all transactions share."""
    keys = sorted({(job.organisation, job.influencer_id) for job in jobs})
    if not keys:
        return {}
    asked = select(InfluencerRow).where(_is_one_of(keys))
    asked = asked.order_by(InfluencerRow.organisation, InfluencerRow.influencer_id).with_for_update()
    return {(row.organisation, row.influencer_id): row for row in session.scalars(asked)}


def _is_one_of(keys: Sequence[Key]) -> ColumnElement[bool]:
    return tuple_(InfluencerRow.organisation, InfluencerRow.influencer_id).in_(keys)


def _make_ready(row: InfluencerRow, job: JobRow, result: JobResult, now: datetime) -> None:
    asked = read_job(job.message)
    described = asked.described(persona_of(row))
    stated = result.influencer.reference_origin
    if isinstance(asked, CreateJob) and stated:
        # The worker, which made the person up, says so in its row.
        described = described.model_copy(update={"reference_origin": stated})
    row.document = described_by(described, row.document)
    row.status, row.updated_at = "ready", now


def _add_images(session: Session, made: list[tuple[InfluencerRow, JobResult]], now: datetime) -> None:
    """Makes the images the rows' references, before those that were bound meanwhile."""
    if not made:
        return
    session.flush()
    keys = [(row.organisation, row.influencer_id) for row, _ in made]
    bound = select(BoundImageRow.organisation, BoundImageRow.influencer_id).distinct()
    bound = bound.where(tuple_(BoundImageRow.organisation, BoundImageRow.influencer_id).in_(keys))
    have_some = {(organisation, influencer_id) for organisation, influencer_id in session.execute(bound)}
    placed: list[BoundImageRow] = []
    for row, result in made:
        key = (row.organisation, row.influencer_id)
        if key in have_some:
            _move_back(session, key, len(result.images))
        have_some.add(key)
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
            placed.append(
                BoundImageRow(
                    organisation=key[0],
                    influencer_id=key[1],
                    asset_id=image.asset_id,
                    position=place,
                    added_at=now,
                )
            )
    # The assets first, since the bound images refer to them.
    session.flush()
    session.add_all(placed)


def _move_back(session: Session, key: Key, count: int) -> None:
    mine = (BoundImageRow.organisation == key[0], BoundImageRow.influencer_id == key[1])
    session.execute(update(BoundImageRow).where(*mine).values(position=BoundImageRow.position + count))
    session.execute(delete(BoundImageRow).where(*mine, BoundImageRow.position >= MOST_REFERENCES))
