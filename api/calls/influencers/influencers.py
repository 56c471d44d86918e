"""The calls for influencers that write rows and start no job."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session
from ulid import ULID

from api.documents import (
    BindReferences,
    BoundReferences,
    CreateInfluencer,
    DeletedInfluencer,
    DeleteInfluencer,
    PatchInfluencer,
    StoredInfluencer,
)
from api.http.answers import Answer
from api.http.call import ANY_KEY, WRITES, Call
from api.http.declared import body, errors
from api.http.pages import CursorQuery, LimitQuery, Page, behind, page
from api.rows.latest_jobs import latest_jobs
from api.rows.rows import (
    bind,
    described_by,
    document_of,
    influencer_of,
    now,
    project_of,
    shown,
)
from api.rows.tables import InfluencerRow, JobRow, ProjectRow
from api.starting import require_adult
from models.errors import Conflict, InvalidInput, NotFound
from models.influencer import CloneOverrides

router = APIRouter(prefix="/v1", tags=["influencers"])
_ASSETS = {"assetIds": ["med_01HX9Y6K7EJ4T2REF01"]}
_EXAMPLE = {"name": "Nova", "gender": "female", "ageRange": "25-34", "referenceImages": _ASSETS}


@router.post(
    "/projects/{project_id}/influencers",
    status_code=201,
    response_model=StoredInfluencer,
    responses=errors(NotFound, Conflict, InvalidInput),
    openapi_extra=body(CreateInfluencer, _EXAMPLE),
)
def create_influencer(project_id: str, call: Call = WRITES) -> Response:
    """Creates an influencer. It is ready at once with reference images of its project, and a draft without."""

    def work(session: Session) -> Answer:
        asked = call.parsed(CreateInfluencer)
        require_adult(asked.age_range)
        asked = asked.model_copy(update=call.stated(asked.reference_origin))
        project = project_of(session, call.organisation, project_id)
        call.require_room(session, "influencers")
        row = new_influencer(session, project, asked.influencer_id or f"inf_{ULID()}", "draft", asked)
        if asked.reference_images:
            bind(session, row, asked.reference_images.asset_ids, row.created_at)
        session.flush()
        return Answer.of(201, call.shown(session, row))

    return call.write(work)


@router.get(
    "/projects/{project_id}/influencers",
    response_model=Page[StoredInfluencer],
    responses=errors(NotFound, InvalidInput),
)
def list_influencers(
    project_id: str, cursor: CursorQuery = None, limit: LimitQuery = 20, call: Call = ANY_KEY
) -> Response:
    """Lists the project's influencers, the oldest first."""

    def work(session: Session) -> dict[str, Any]:
        project = project_of(session, call.organisation, project_id)
        asked = select(InfluencerRow).where(
            InfluencerRow.project_id == project.project_id, InfluencerRow.deleted_at.is_(None)
        )
        return influencer_page(call, session, asked, cursor, limit)

    return call.read(work)


@router.get(
    "/influencers/{influencer_id}",
    response_model=StoredInfluencer,
    responses=errors(NotFound, InvalidInput),
)
def get_influencer(influencer_id: str, call: Call = ANY_KEY) -> Response:
    return call.read(
        lambda session: call.shown(session, influencer_of(session, call.organisation, influencer_id))
    )


@router.patch(
    "/influencers/{influencer_id}",
    response_model=StoredInfluencer,
    responses=errors(NotFound, InvalidInput),
    openapi_extra=body(PatchInfluencer, {"personality": {"tone": "playful"}}),
)
def patch_influencer(influencer_id: str, call: Call = WRITES) -> Response:
    """Changes an influencer's name or persona. Fields that are left out stay as they are."""

    def work(session: Session) -> Answer:
        asked = call.parsed(PatchInfluencer)
        require_adult(asked.age_range)
        asked = asked.model_copy(update=call.stated(asked.reference_origin))
        row = influencer_of(session, call.organisation, influencer_id, to_write=True)
        given = asked.to_data()
        name = {"name": given.pop("name")} if "name" in given else {}
        changed = CloneOverrides.parse(given).apply_to(document_of(session, row)).model_copy(update=name)
        row.document = described_by(changed, row.document)
        row.updated_at = now()
        session.flush()
        return Answer.of(200, call.shown(session, row))

    return call.write(work)


@router.delete(
    "/influencers/{influencer_id}",
    response_model=DeletedInfluencer,
    responses=errors(NotFound, InvalidInput),
    openapi_extra=body(DeleteInfluencer, {"reason": "The campaign is over."}, required=False),
)
def delete_influencer(
    influencer_id: str,
    images: Annotated[
        bool, Query(description="Delete its images, too, except those that another influencer has.")
    ] = False,
    call: Call = WRITES,
) -> Response:
    """Deletes an influencer. Its id can't be used again, it is no longer its project's primary one, and a job that
    renders its images is canceled.

    With `images`, every URL of its images ends within seconds of its jobs' end. That can be asked for later, and
    again.
    """

    def work(session: Session) -> Answer:
        asked = call.parsed(DeleteInfluencer) if call.body.strip() else DeleteInfluencer()
        row = influencer_of(session, call.organisation, influencer_id, to_write=True, or_deleted=images)
        if row.deleted_at is None:
            _delete(session, row, asked)
        assert row.deleted_at
        if images and row.erased_at is None and row.erase_at is None:
            row.erase_at = now()
        gone = DeletedInfluencer(influencer_id=row.influencer_id, status="deleted", deleted_at=row.deleted_at)
        state = {"images": "deleting" if row.erased_at is None else "deleted"} if images else {}
        return Answer.of(200, gone.model_copy(update=state))

    return call.write(work)


def _delete(session: Session, row: InfluencerRow, asked: DeleteInfluencer) -> None:
    row.status = "deleted"
    row.deleted_at = row.updated_at = now()
    # In one statement, since another influencer may become the primary one meanwhile.
    session.execute(
        update(ProjectRow)
        .where(
            ProjectRow.project_id == row.project_id,
            ProjectRow.primary_influencer_id == row.influencer_id,
        )
        .values(primary_influencer_id=None)
    )
    # The landing cancels them, however often it takes.
    session.execute(
        update(JobRow)
        .where(
            JobRow.organisation == row.organisation,
            JobRow.influencer_id == row.influencer_id,
            JobRow.landed_at.is_(None),
            JobRow.canceled_at.is_(None),
        )
        .values(canceled_at=row.deleted_at)
    )
    row.delete_reason = asked.to_json() if asked.reason is not None else None


@router.post(
    "/influencers/{influencer_id}/reference-images",
    response_model=BoundReferences,
    responses=errors(NotFound, Conflict, InvalidInput),
    openapi_extra=body(BindReferences, _ASSETS),
)
def bind_references(influencer_id: str, call: Call = WRITES) -> Response:
    """Adds images of the project's media library to the influencer's references. Ids that don't resolve are
    dropped. A draft or failed influencer becomes ready."""

    def work(session: Session) -> Answer:
        asked = call.parsed(BindReferences)
        row = influencer_of(session, call.organisation, influencer_id, to_write=True)
        bind(session, row, asked.asset_ids, now())
        session.flush()
        images = call.influencer(session, row).reference_images
        bound = BoundReferences(influencer_id=row.influencer_id, reference_images=images)
        return Answer.of(200, shown(bound))

    return call.write(work)


def influencer_page(
    call: Call, session: Session, asked: "Select[InfluencerRow]", cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the influencers that the query finds, the oldest first."""
    if cursor is not None:
        asked = asked.where(behind(cursor, InfluencerRow.created_at, InfluencerRow.influencer_id))
    asked = asked.order_by(InfluencerRow.created_at, InfluencerRow.influencer_id).limit(limit + 1)
    rows = session.scalars(asked).all()
    jobs = latest_jobs(session, rows)
    return page(
        rows,
        limit,
        lambda row: (row.created_at, row.influencer_id),
        lambda row: call.shown(session, row, jobs),
    )


def id_is_taken(influencer_id: str) -> Conflict:
    return Conflict(
        "There is, or was, an influencer with this id. Give another one, or none to get a new one.",
        influencerId=influencer_id,
    )


def new_influencer(
    session: Session,
    project: ProjectRow,
    influencer_id: str,
    status: str,
    persona: Any,
    *,
    cloned_from: str | None = None,
) -> InfluencerRow:
    """Adds a row for the persona, which may be cloned from another one. Raises Conflict if the id is taken, even by
    a deleted influencer."""
    if session.get(InfluencerRow, (project.organisation, influencer_id)) is not None:
        raise id_is_taken(influencer_id)
    at = now()
    row = InfluencerRow(
        organisation=project.organisation,
        influencer_id=influencer_id,
        project_id=project.project_id,
        status=status,
        document=described_by(persona),
        source_influencer_id=cloned_from,
        created_at=at,
        updated_at=at,
    )
    session.add(row)
    # Fails here if another transaction takes the id at the same moment.
    session.flush()
    return row
