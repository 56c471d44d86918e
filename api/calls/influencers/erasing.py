"""Deletes the images of deleted influencers, so that no URL leads to them any more.

The call only notes the wish. A sweep fulfils it once the influencer's jobs have landed: it removes the rows of the
images and notes their keys in one transaction, then deletes the objects, then notes that they are gone. Whatever
interrupts it, the next sweep of any process goes on.
"""

import json
from collections.abc import Sequence

import structlog
from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.orm import Session, aliased

from api.library import MediaLibrary
from api.rows.database import Database
from api.rows.rows import now
from api.rows.tables import AssetRow, BoundImageRow, InfluencerRow, JobRow
from models.errors import StorageError
from models.job import parse_job

log = structlog.get_logger()
_AT_ONCE = 20


def sweep_images(database: Database, library: MediaLibrary) -> None:
    """Deletes the images of influencers for which that was wished. While the store is away, they wait."""
    with database.read() as session:
        asked = select(InfluencerRow.organisation, InfluencerRow.influencer_id).where(
            InfluencerRow.erase_at.is_not(None), ~_has_open_jobs()
        )
        found = session.execute(asked.order_by(InfluencerRow.erase_at).limit(_AT_ONCE)).all()
    for organisation, influencer_id in found:
        try:
            _erase(database, library, organisation, influencer_id)
        except StorageError as error:
            log.warning("images.remain", influencerId=influencer_id, code=error.code, error=error.message)


def _erase(database: Database, library: MediaLibrary, organisation: str, influencer_id: str) -> None:
    with database.write() as session:
        row = session.get(InfluencerRow, (organisation, influencer_id), with_for_update=True)
        if row is None or row.erase_at is None:
            return  # Another process was quicker.
        if row.erasing is None:
            row.erasing = json.dumps(_unbind(session, row))
        keys = json.loads(row.erasing)
        messages = session.scalars(
            select(JobRow.message).where(
                JobRow.organisation == organisation, JobRow.influencer_id == influencer_id
            )
        ).all()
    library.erase(map(parse_job, messages), gone=keys["gone"], kept=keys["kept"])
    with database.write() as session:
        session.execute(
            update(InfluencerRow)
            .where(
                InfluencerRow.organisation == organisation,
                InfluencerRow.influencer_id == influencer_id,
                InfluencerRow.erase_at.is_not(None),
            )
            .values(erase_at=None, erasing=None, erased_at=now())
        )
    log.info("images.erased", influencerId=influencer_id, jobs=len(messages))


def _unbind(session: Session, row: InfluencerRow) -> dict[str, Sequence[str]]:
    """Removes the rows of images that no other influencer has. Returns the keys of their objects (`gone`), and of
    those that others have (`kept`)."""
    bound = select(BoundImageRow.asset_id).where(
        BoundImageRow.organisation == row.organisation, BoundImageRow.influencer_id == row.influencer_id
    )
    other = aliased(BoundImageRow)
    shared = exists().where(
        other.asset_id == AssetRow.asset_id,
        InfluencerRow.organisation == other.organisation,
        InfluencerRow.influencer_id == other.influencer_id,
        InfluencerRow.deleted_at.is_(None),
    )
    # Locked, so that nobody binds one meanwhile.
    assets = session.scalars(select(AssetRow).where(AssetRow.asset_id.in_(bound)).with_for_update()).all()
    kept = set(session.scalars(select(AssetRow.asset_id).where(AssetRow.asset_id.in_(bound), shared)))
    own = [asset.asset_id for asset in assets if asset.asset_id not in kept]
    keys = {
        is_kept: [
            key
            for asset in assets
            if (asset.asset_id in kept) is is_kept
            for key in (asset.object_key, asset.thumbnail_key)
            if key
        ]
        for is_kept in (False, True)
    }
    session.execute(delete(BoundImageRow).where(BoundImageRow.asset_id.in_(own)))
    session.execute(delete(AssetRow).where(AssetRow.asset_id.in_(own)))
    return {"gone": keys[False], "kept": keys[True]}


def _has_open_jobs() -> ColumnElement[bool]:
    return exists().where(
        JobRow.organisation == InfluencerRow.organisation,
        JobRow.influencer_id == InfluencerRow.influencer_id,
        JobRow.landed_at.is_(None),
    )
