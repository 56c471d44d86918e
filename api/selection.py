"""Who a project's content is made with: its primary influencer, or the one that a brief names. Nothing rotates."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.answers import Answer
from api.call import READS, WRITES, Call
from api.documents import SelectInfluencer, SetPrimary
from api.rows import document_of, influencer_of, project_of, shown
from api.tables import InfluencerRow, ProjectRow
from models.errors import Conflict, NotFound

router = APIRouter(prefix="/v1")


@router.put("/projects/{project_id}/primary-influencer")
def set_primary(project_id: str, call: Call = WRITES) -> Response:
    def work(session: Session) -> Answer:
        asked = call.parsed(SetPrimary)
        project = project_of(session, call.organisation, project_id)
        if asked.influencer_id is not None:
            _usable(session, project, asked.influencer_id)
        project.primary_influencer_id = asked.influencer_id
        return Answer.of(200, {"projectId": project.project_id, "influencerId": asked.influencer_id})

    return call.write(work)


@router.post("/projects/{project_id}/content/selection")
def select_influencer(project_id: str, call: Call = READS) -> Response:
    """The answer is a copy: a patch that comes later doesn't change what was selected."""

    def work(session: Session) -> Answer:
        asked = call.parsed(SelectInfluencer).brief
        project = project_of(session, call.organisation, project_id)
        named = asked.influencer_id or project.primary_influencer_id
        row = _usable(session, project, named) if named else _first_ready(session, project)
        told = shown(document_of(session, row))
        chosen: dict[str, Any] = {
            "projectId": project.project_id,
            "influencerId": row.influencer_id,
            "name": told["name"],
            "personality": told["personality"],
            "referenceImages": told["referenceImages"],
        }
        return Answer.of(200, chosen)

    return call.write(work)


def _usable(session: Session, project: ProjectRow, influencer_id: str) -> InfluencerRow:
    """Raises NotFound for one that is deleted or not the project's, Conflict for one that isn't ready."""
    row = influencer_of(session, project.organisation, influencer_id)
    if row.project_id != project.project_id:
        raise NotFound("There is no such influencer.")
    if row.status != "ready":
        raise Conflict(
            f"The influencer is {row.status}. Content can be made with one that is ready.",
            subcode="INFLUENCER_NOT_READY",
            status=row.status,
        )
    return row


def _first_ready(session: Session, project: ProjectRow) -> InfluencerRow:
    row = session.scalar(
        select(InfluencerRow)
        .where(InfluencerRow.project_id == project.project_id, InfluencerRow.status == "ready")
        .order_by(InfluencerRow.created_at, InfluencerRow.influencer_id)
        .limit(1)
    )
    if row is None:
        raise Conflict("No influencer of the project is ready.", subcode="NO_PRIMARY_INFLUENCER")
    return row
