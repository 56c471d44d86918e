"""Converts rows to the contract's documents and back, and finds rows, always as an organisation's."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.documents import BoundReferences, InfluencerJob, Selection
from api.rows.tables import (
    AssetRow,
    BoundImageRow,
    InfluencerRow,
    JobRow,
    ProjectRow,
    SelectionRow,
    UploadRow,
)
from models.errors import InvalidInput, NotFound
from models.influencer import MOST_REFERENCES, Influencer, Name, Persona, ReferenceImage

# Other text is no row's id, and may not even be allowed in a query: PostgreSQL refuses NUL.
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def now() -> datetime:
    """The current time to the millisecond: a time that is answered now must equal the one that is read later."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


class Described(Persona):
    """The content of `InfluencerRow.document`."""

    name: Name


def is_id(text: str) -> bool:
    """Whether the text can be a row's id, and so be a part of a query."""
    return _ID.fullmatch(text) is not None


def project_of(session: Session, organisation: str, project_id: str) -> ProjectRow:
    """Finds a project of the organisation. Raises NotFound."""
    row = None
    if _ID.fullmatch(project_id):
        # The database compares the organisation: reading another's row and dropping it would take longer.
        asked = select(ProjectRow).where(
            ProjectRow.project_id == project_id, ProjectRow.organisation == organisation
        )
        row = session.scalar(asked)
    if row is None:
        raise NotFound("There is no such project. Check its id, or make one with POST /v1/projects.")
    return row


def influencer_of(
    session: Session,
    organisation: str,
    influencer_id: str,
    *,
    to_write: bool = False,
    or_deleted: bool = False,
) -> InfluencerRow:
    """Finds an influencer that isn't deleted, or may be, and locks its row if `to_write`. Raises NotFound."""
    row = None
    if _ID.fullmatch(influencer_id):
        row = session.get(InfluencerRow, (organisation, influencer_id), with_for_update=to_write or None)
    if row is None or (row.deleted_at is not None and not or_deleted):
        raise no_influencer()
    return row


def no_influencer() -> NotFound:
    return NotFound(
        "There is no such influencer; it may have been deleted. "
        "GET /v1/projects/{projectId}/influencers lists a project's."
    )


def selection_of(session: Session, project: ProjectRow, selection_id: str) -> SelectionRow:
    """Finds a selection of the project. Raises NotFound."""
    row = session.get(SelectionRow, selection_id) if _ID.fullmatch(selection_id) else None
    if row is None or row.project_id != project.project_id:
        raise NotFound(
            "There is no such selection. Check its id, or select anew with "
            "POST /v1/projects/{projectId}/content/selection."
        )
    return row


def job_of(session: Session, organisation: str, job_id: str) -> JobRow:
    """Finds a job of the organisation. Raises NotFound."""
    row = None
    if _ID.fullmatch(job_id):
        row = session.scalar(
            select(JobRow).where(JobRow.job_id == job_id, JobRow.organisation == organisation)
        )
    if row is None:
        raise NotFound("There is no such job. Check its id: GET /v1/jobs lists yours.")
    return row


def asset_of(session: Session, organisation: str, asset_id: str) -> AssetRow | None:
    """Finds an asset of the organisation, or returns None."""
    if not _ID.fullmatch(asset_id):
        return None
    # Joined with its project in one statement, so that another organisation's asset takes no longer than a missing
    # one.
    found = select(AssetRow).join(ProjectRow, ProjectRow.project_id == AssetRow.project_id)
    return session.scalar(found.where(AssetRow.asset_id == asset_id, ProjectRow.organisation == organisation))


def known_asset(session: Session, organisation: str, asset_id: str) -> AssetRow:
    """Finds an asset of the organisation. Raises NotFound."""
    if asset := asset_of(session, organisation, asset_id):
        return asset
    raise NotFound("There is no such asset. GET /v1/projects/{projectId}/media lists a project's.")


def ends_of_influencers(
    session: Session, organisation: str, job_ids: Sequence[str]
) -> dict[str, datetime | None]:
    """By job, when its influencer was deleted: of those jobs alone that are the organisation's."""
    if not job_ids:
        return {}
    asked = (
        select(JobRow.job_id, InfluencerRow.deleted_at)
        .outerjoin(
            InfluencerRow,
            (InfluencerRow.organisation == JobRow.organisation)
            & (InfluencerRow.influencer_id == JobRow.influencer_id),
        )
        .where(JobRow.organisation == organisation, JobRow.job_id.in_(job_ids))
    )
    return {row.job_id: row.deleted_at for row in session.execute(asked)}


def upload_of(session: Session, organisation: str, asset_id: str, *, to_write: bool = False) -> UploadRow:
    """Finds an upload of the organisation, and locks its row if `to_write`. Raises NotFound."""
    row = None
    if _ID.fullmatch(asset_id):
        found = select(UploadRow).join(ProjectRow, ProjectRow.project_id == UploadRow.project_id)
        found = found.where(UploadRow.asset_id == asset_id, ProjectRow.organisation == organisation)
        row = session.scalar(found.with_for_update(of=UploadRow) if to_write else found)
    if row is None:
        raise no_upload()
    return row


def no_upload() -> NotFound:
    return NotFound(
        "There is no such upload; it may have expired. "
        "Begin another with POST /v1/projects/{projectId}/media/uploads."
    )


def references_of(session: Session, row: InfluencerRow) -> list[tuple[BoundImageRow, AssetRow]]:
    """An influencer's reference images in their order."""
    found = session.execute(
        select(BoundImageRow, AssetRow)
        .join(AssetRow, AssetRow.asset_id == BoundImageRow.asset_id)
        .where(
            BoundImageRow.organisation == row.organisation, BoundImageRow.influencer_id == row.influencer_id
        )
        .order_by(BoundImageRow.position)
    )
    return [(bound, asset) for bound, asset in found]


def _stored_links(asset: AssetRow) -> tuple[str, str | None]:
    return asset.url, asset.thumbnail_url


def document_of(
    session: Session, row: InfluencerRow, links: Callable[[AssetRow], tuple[str, str | None]] = _stored_links
) -> Influencer:
    """The row's document with its reference images. `links` returns an asset's URL and its thumbnail's."""
    images = tuple(
        ReferenceImage(asset_id=asset.asset_id, url=url, thumbnail_url=thumbnail, added_at=bound.added_at)
        for bound, asset in references_of(session, row)
        for url, thumbnail in [links(asset)]
    )
    return persona_of(row, images)


def persona_of(row: InfluencerRow, images: tuple[ReferenceImage, ...] = ()) -> Influencer:
    """The row's document, with the reference images that the caller read, or without any."""
    # It becomes a part of messages, which are read strictly.
    described = Described.read(row.document, keep=False)
    return Influencer.model_validate(
        {
            **{name: getattr(described, name) for name in Described.model_fields},
            "influencer_id": row.influencer_id,
            "project_id": row.project_id,
            "status": row.status,
            "thumbnail_url": images[0].thumbnail_url if images else None,
            "reference_images": images,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
    )


def shown(document: Influencer | BoundReferences | Selection) -> dict[str, Any]:
    """The document as JSON data for an answer. A thumbnail's URL is a URL or null; other fields without a value are
    left out."""
    data = document.to_data()
    if isinstance(document, Influencer):
        data.setdefault("thumbnailUrl", None)
    for image in data["referenceImages"]:
        image.setdefault("thumbnailUrl", None)
    return data


def stored(influencer: Influencer, row: InfluencerRow, job: InfluencerJob | None) -> dict[str, Any]:
    """The influencer as JSON data for an answer, with its source and its job, which are null if there is none."""
    more = {
        "sourceInfluencerId": row.source_influencer_id,
        "job": None if job is None else job.model_dump(mode="json"),
    }
    return shown(influencer) | more


def described_by(influencer: Influencer, before: str | None = None) -> str:
    """The text for `InfluencerRow.document`: the document's name and persona. What a newer version has written into
    the text that it replaces is kept."""
    described = Described(**{name: getattr(influencer, name) for name in Described.model_fields})
    if before is None:
        return described.to_json()
    kept = Described.read(before)
    fields = {name: getattr(described, name) for name in Described.model_fields}
    fields["personality"] = kept.personality.model_copy(update=dict(described.personality))
    return kept.model_copy(update=fields).to_json()


def bind(session: Session, row: InfluencerRow, asset_ids: Iterable[str], at: datetime) -> None:
    """Adds the project's assets among these to the row's reference images, each once. Others are dropped.

    A draft becomes ready, and so does a row whose job failed, even if it has the images already. Raises
    InvalidInput if the row would have more than 20.
    """
    wanted = [asset_id for asset_id in dict.fromkeys(asset_ids) if _ID.fullmatch(asset_id)]
    known = set(
        session.scalars(
            select(AssetRow.asset_id).where(
                AssetRow.project_id == row.project_id, AssetRow.asset_id.in_(wanted)
            )
        )
    )
    mine = (BoundImageRow.organisation == row.organisation, BoundImageRow.influencer_id == row.influencer_id)
    bound = set(session.scalars(select(BoundImageRow.asset_id).where(*mine)))
    new = [asset_id for asset_id in wanted if asset_id in known and asset_id not in bound]
    if len(bound) + len(new) > MOST_REFERENCES:
        raise InvalidInput(
            f"An influencer has {MOST_REFERENCES} reference images at most; it has {len(bound)} already.",
            fields=[{"path": "assetIds", "reason": f"at most {MOST_REFERENCES - len(bound)} can be added"}],
        )
    last = session.scalar(select(func.max(BoundImageRow.position)).where(*mine))
    start = 0 if last is None else last + 1
    for place, asset_id in enumerate(new, start):
        session.add(
            BoundImageRow(
                organisation=row.organisation,
                influencer_id=row.influencer_id,
                asset_id=asset_id,
                position=place,
                added_at=at,
            )
        )
    revives = bool(known) and row.status in ("draft", "failed")
    if revives:
        row.status = "ready"
    if new or revives:
        row.updated_at = at
