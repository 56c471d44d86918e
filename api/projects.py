"""`POST /v1/projects`."""

from uuid import uuid4

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy.orm import Session

from api.answers import Answer
from api.call import WRITES, Call
from api.documents import CreateProject
from api.rows import now
from api.tables import ProjectRow
from models.base import format_time

router = APIRouter(prefix="/v1")


@router.post("/projects")
def create_project(call: Call = WRITES) -> Response:
    def work(session: Session) -> Answer:
        asked = call.parsed(CreateProject)
        row = ProjectRow(
            project_id=str(uuid4()),
            organisation=call.organisation,
            document=asked.to_json(),
            created_at=now(),
        )
        session.add(row)
        shown = {"projectId": row.project_id, "name": asked.name, "createdAt": format_time(row.created_at)}
        return Answer.of(201, shown)

    return call.write(work)
