"""`POST /v1/influencers/{influencerId}/reference-images/render`."""

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy.orm import Session

from api.documents import RenderReferences, StartedCreate
from api.http.answers import Answer
from api.http.call import WRITES, Call
from api.http.declared import body, errors
from api.rows.rows import influencer_of, persona_of, references_of
from api.starting import plan_first_images, record_job, refuse_stored_age, refuse_while_rendering
from models.errors import Conflict, InvalidInput, NotFound

router = APIRouter(prefix="/v1", tags=["influencers"])


@router.post(
    "/influencers/{influencer_id}/reference-images/render",
    status_code=202,
    response_model=StartedCreate,
    responses=errors(NotFound, Conflict, InvalidInput),
    openapi_extra=body(RenderReferences, {"shots": ["front", "smile"]}, required=False),
)
def render_references(influencer_id: str, call: Call = WRITES) -> Response:
    """Renders an influencer's first reference images from its description. A failed render can be repeated."""

    def work(session: Session) -> Answer:
        asked = call.parsed(RenderReferences) if call.body.strip() else RenderReferences()
        call.require_callback(asked.callback_url)
        call.require_tier(asked.tier)
        row = influencer_of(session, call.organisation, influencer_id, to_write=True)
        refuse_while_rendering(row)
        if references_of(session, row):
            raise Conflict(
                "The influencer has reference images, so its likeness is settled. Clone it for new ones.",
                subcode="HAS_REFERENCE_IMAGES",
                status=row.status,
            )
        refuse_stored_age(persona_of(row))
        job = plan_first_images(session, row, asked)
        return Answer.of(202, record_job(session, row, job), job)

    return call.write(work)
