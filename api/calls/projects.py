"""Projects: their list, and a new one, with its first influencer if it says a few words about its brand."""

import json
from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from ulid import ULID

from api.calls.influencers.influencers import new_influencer
from api.documents import CreateProject, Project
from api.http.answers import Answer
from api.http.call import ANY_KEY, WRITES, Call
from api.http.declared import body, errors
from api.http.pages import CursorQuery, LimitQuery, Page, behind, page
from api.provision import provision
from api.rows.rows import now
from api.rows.tables import ProjectRow
from api.starting import plan_first_images, record_job
from models.errors import Conflict, InvalidInput

router = APIRouter(prefix="/v1", tags=["projects"])
_EXAMPLE = {"name": "Spring", "audience": "parents, 30-44", "language": "en", "voice": "warm and playful"}


@router.get("/projects", response_model=Page[Project], responses=errors(InvalidInput))
def list_projects(cursor: CursorQuery = None, limit: LimitQuery = 20, call: Call = ANY_KEY) -> Response:
    """Lists the organisation's projects, the oldest first."""

    def work(session: Session) -> dict[str, Any]:
        asked = (
            select(ProjectRow)
            .where(ProjectRow.organisation == call.organisation)
            .order_by(ProjectRow.created_at, ProjectRow.project_id)
            .limit(limit + 1)
        )
        if cursor is not None:
            asked = asked.where(behind(cursor, ProjectRow.created_at, ProjectRow.project_id))
        return page(
            session.scalars(asked).all(),
            limit,
            lambda row: (row.created_at, row.project_id),
            lambda row: _shown(row).to_data(),
        )

    return call.read(work)


def _shown(row: ProjectRow) -> Project:
    name = json.loads(row.document)["name"]
    return Project(project_id=row.project_id, name=name, created_at=row.created_at)


@router.post(
    "/projects",
    status_code=201,
    response_model=Project,
    responses=errors(Conflict, InvalidInput),
    openapi_extra=body(CreateProject, _EXAMPLE),
)
def create_project(call: Call = WRITES) -> Response:
    """Creates a project. With an audience, a language or a voice, also creates its first influencer and starts the
    job for its images."""

    def work(session: Session) -> Answer:
        asked = call.parsed(CreateProject)
        call.require_room(session, "projects")
        row = ProjectRow(
            project_id=str(uuid4()),
            organisation=call.organisation,
            document=asked.to_json(),
            created_at=now(),
        )
        session.add(row)
        project = _shown(row)
        if not (asked.audience or asked.language or asked.voice):
            return Answer.of(201, project)
        call.require_room(session, "influencers")
        session.flush()
        persona = provision(asked.name, asked.audience, asked.language, asked.voice)
        first = new_influencer(session, row, f"inf_{ULID()}", "draft", persona)
        job = plan_first_images(session, first)
        started = record_job(session, first, job)
        influencer = call.shown(session, first)
        told = project.to_data() | {"influencer": influencer, "job": started.to_data()}
        return Answer.of(201, told, job)

    return call.write(work)
