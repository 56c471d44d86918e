"""`GET /v1/jobs/{jobId}/previews/{shot}`: a small picture of an image that is being rendered."""

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from api.calls.jobs.jobs import current_record
from api.http.answers import is_known
from api.http.call import READS_JOBS, Call
from api.http.declared import errors, pictures
from models.errors import NotFound

router = APIRouter(prefix="/v1", tags=["jobs"])


@router.get(
    "/jobs/{job_id}/previews/{shot}",
    response_class=Response,
    responses=pictures("image/webp")
    | errors(NotFound)
    | {204: {"description": "There is none now."}, 304: {"description": "Nothing new."}},
)
async def get_preview(
    job_id: str, shot: str, if_none_match: Annotated[str | None, Header()] = None, call: Call = READS_JOBS
) -> Response:
    """Returns the latest preview of a shot that is being rendered: a rough WebP of at most 128 pixels a side, which
    a running job's worker replaces up to twice a second.

    With its `ETag` in `If-None-Match`, answers 304 until there is another one. Answers 204 while there is none: no
    worker renders the shot now, or it makes no previews. Poll it once a second or so.
    """
    polls = call.services.polls
    record = await polls.running(call.organisation, job_id)
    if record is None:
        record = await run_in_threadpool(current_record, call, job_id)
        polls.note(call.organisation, job_id)
    webp = None if record.is_final else await run_in_threadpool(call.services.previews.get, job_id, shot)
    if webp is None:
        return Response(status_code=204, headers={"Cache-Control": "private, no-store"})
    headers = {"Cache-Control": "private, no-store", "ETag": f'"{sha256(webp).hexdigest()[:32]}"'}
    if is_known(headers["ETag"], if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(webp, headers=headers, media_type="image/webp")
