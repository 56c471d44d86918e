"""Selects the influencer for a project's content: the one that a brief names, or the primary one. Nothing
rotates."""

import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from ulid import ULID

from api.documents import PrimaryInfluencer, SelectInfluencer, Selection, SetPrimary
from api.http.answers import Answer
from api.http.call import ANY_KEY, WRITES, Call
from api.http.declared import body, errors
from api.rows.rows import influencer_of, no_influencer, now, project_of, selection_of, shown
from api.rows.tables import AssetRow, InfluencerRow, ProjectRow, SelectionRow
from models.errors import Conflict, InvalidInput, NotFound

router = APIRouter(prefix="/v1", tags=["projects"])


@router.put(
    "/projects/{project_id}/primary-influencer",
    response_model=PrimaryInfluencer,
    responses=errors(NotFound, Conflict, InvalidInput),
    openapi_extra=body(SetPrimary, {"influencerId": "inf_01HX9Y6K7EJ4T2NOVAB"}),
)
def set_primary(project_id: str, call: Call = WRITES) -> Response:
    """Sets the project's primary influencer, which must be ready. `null` stands for the first one that is ready."""

    def work(session: Session) -> Answer:
        asked = call.parsed(SetPrimary)
        project = project_of(session, call.organisation, project_id)
        if asked.influencer_id is not None:
            # A concurrent delete waits for this lock, and then finds that it is the primary one.
            _usable(session, project, asked.influencer_id, to_write=True)
        project.primary_influencer_id = asked.influencer_id
        primary = PrimaryInfluencer(project_id=project.project_id, influencer_id=asked.influencer_id)
        return Answer.of(200, primary)

    return call.write(work)


@router.post(
    "/projects/{project_id}/content/selection",
    response_model=Selection,
    responses=errors(NotFound, Conflict, InvalidInput),
    openapi_extra=body(SelectInfluencer, {"brief": {}}),
)
def select_influencer(project_id: str, call: Call = ANY_KEY) -> Response:
    """Selects the influencer for a brief: the one it names, else the primary one, else the first that is ready.

    The answer is a copy, and is kept: later changes don't affect it.
    """

    # No scope is needed, though a row is written: only the call that reads it again uses that row, and a client
    # that only makes content shouldn't hold a key that can delete personas.
    def work(session: Session) -> Answer:
        asked = call.parsed(SelectInfluencer).brief
        project = project_of(session, call.organisation, project_id)
        named = asked.influencer_id or project.primary_influencer_id
        row = _usable(session, project, named) if named else _first_ready(session, project)
        influencer = call.influencer(session, row)
        selection = Selection(
            selection_id=f"sel_{ULID()}",
            created_at=now(),
            project_id=project.project_id,
            influencer_id=influencer.influencer_id,
            name=influencer.name,
            personality=influencer.personality,
            reference_images=influencer.reference_images,
        )
        chosen = shown(selection)
        session.add(
            SelectionRow(
                selection_id=selection.selection_id,
                project_id=selection.project_id,
                created_at=selection.created_at,
                document=json.dumps(chosen),
            )
        )
        return Answer.of(200, chosen)

    return call.write(work)


@router.get(
    "/projects/{project_id}/content/selections/{selection_id}",
    response_model=Selection,
    responses=errors(NotFound, InvalidInput),
)
def get_selection(project_id: str, selection_id: str, call: Call = ANY_KEY) -> Response:
    """Returns a selection as it was first answered, whatever has happened to the influencer. Only its images' URLs
    are current."""

    def work(session: Session) -> Any:
        project = project_of(session, call.organisation, project_id)
        chosen = json.loads(selection_of(session, project, selection_id).document)
        for image in chosen["referenceImages"]:
            asset = session.get_one(AssetRow, image["assetId"])
            image["url"], image["thumbnailUrl"] = call.services.links.of(asset)
        return chosen

    return call.read(work)


def _usable(
    session: Session, project: ProjectRow, influencer_id: str, *, to_write: bool = False
) -> InfluencerRow:
    """The influencer, if content can be made with it. Raises NotFound if it is deleted or not the project's,
    Conflict if it isn't ready."""
    row = influencer_of(session, project.organisation, influencer_id, to_write=to_write)
    if row.project_id != project.project_id:
        raise no_influencer()
    if row.status != "ready":
        raise Conflict(
            f"The influencer is {row.status}. Content is made with one that is ready: name such a one.",
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
        raise Conflict(
            "No influencer of the project is ready. Bind reference images to one, or wait for its job.",
            subcode="NO_PRIMARY_INFLUENCER",
        )
    return row
