"""The clones of an influencer: starting one, and their list."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.calls.influencers.influencers import id_is_taken, influencer_page, new_influencer
from api.documents import StartClone, StartedClone, StoredInfluencer
from api.http.answers import Answer
from api.http.call import ANY_KEY, WRITES, Call
from api.http.declared import body, errors
from api.http.pages import CursorQuery, LimitQuery, Page
from api.rows.rows import document_of, influencer_of, project_of, references_of
from api.rows.tables import AssetRow, InfluencerRow
from api.starting import record_job, refuse_stored_age, refuse_while_rendering, require_adult
from models.errors import Conflict, InvalidInput, NotFound, NoUsableReference
from models.job import ReferenceSource
from worker.client import plan_clone

router = APIRouter(prefix="/v1", tags=["influencers"])
_EXAMPLE = {
    "name": "Nova (B variant)",
    "newInfluencerId": "inf_01HX9Y6K7EJ4T2NOVAB",
    "overrides": {"personality": {"humorStyle": "dry-witty"}},
}


@router.post(
    "/influencers/{influencer_id}/clone",
    status_code=202,
    response_model=StartedClone,
    responses=errors(NotFound, Conflict, InvalidInput),
    openapi_extra=body(StartClone, _EXAMPLE),
)
def clone(influencer_id: str, call: Call = WRITES) -> Response:
    """Clones an influencer: starts a job that renders new reference images of the same person.

    The source needs at least one reference image. The clone is pending until its job ends; the overrides appear in
    it when the job completes.
    """

    # Row, job and answer are written in one transaction; then the job is submitted.
    def work(session: Session) -> Answer:
        asked = call.parsed(StartClone)
        call.require_callback(asked.callback_url)
        call.require_tier(asked.tier)
        source = influencer_of(session, call.organisation, influencer_id)
        document = document_of(session, source)
        images = references_of(session, source)
        if not images:
            refuse_while_rendering(source)
            raise Conflict(
                "The influencer has no reference image, so there is no likeness to clone. Add one first.",
                subcode=NoUsableReference.code,
            )
        if asked.new_influencer_id == source.influencer_id:
            raise id_is_taken(influencer_id)
        require_adult(asked.overrides.age_range, "overrides.ageRange")
        refuse_stored_age(document)
        overrides = asked.overrides.model_copy(update=call.stated(asked.overrides.reference_origin))
        job = plan_clone(
            document,
            asked.model_copy(update={"overrides": overrides}),
            [_source_of(asset) for _, asset in images],
            asked.shots,
            subject=asked.subject,
            accept_partial=asked.accept_partial,
            callback_url=asked.callback_url,
            expires_at=asked.expires_at,
            organisation=call.organisation,
            tier=asked.tier,
        )
        if broken := call.services.rules.broken_by(job):
            raise broken.as_input_error()
        project = project_of(session, call.organisation, source.project_id)
        named = document.model_copy(update={"name": asked.name})
        call.require_room(session, "influencers")
        row = new_influencer(
            session, project, job.influencer_id, "pending", named, cloned_from=source.influencer_id
        )
        return Answer.of(202, record_job(session, row, job), job)

    return call.write(work)


@router.get(
    "/influencers/{influencer_id}/clones",
    response_model=Page[StoredInfluencer],
    responses=errors(NotFound, InvalidInput),
)
def list_clones(
    influencer_id: str, cursor: CursorQuery = None, limit: LimitQuery = 20, call: Call = ANY_KEY
) -> Response:
    """Lists the influencers that were cloned from this one, the oldest first, without the clones of clones."""

    def work(session: Session) -> dict[str, Any]:
        source = influencer_of(session, call.organisation, influencer_id)
        asked = select(InfluencerRow).where(
            InfluencerRow.organisation == source.organisation,
            InfluencerRow.source_influencer_id == source.influencer_id,
            InfluencerRow.deleted_at.is_(None),
        )
        return influencer_page(call, session, asked, cursor, limit)

    return call.read(work)


def _source_of(asset: AssetRow) -> ReferenceSource:
    if asset.object_key is None:
        return ReferenceSource(asset_id=asset.asset_id, url=asset.url)
    if asset.project_id not in asset.object_key.split("/"):
        # A worker accepts a key only if it contains the project's id. The settings may put the media library's
        # objects elsewhere, but the worker finds those by their asset ids.
        return ReferenceSource(asset_id=asset.asset_id)
    return ReferenceSource(asset_id=asset.asset_id, key=asset.object_key)
