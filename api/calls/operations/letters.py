"""The calls about dead letters: list, retry and drop them."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.documents import ListedLetter, RetriedLetter
from api.http.answers import Answer
from api.http.call import OPERATES, Call, as_response
from api.http.declared import errors
from api.http.pages import CursorQuery, LimitQuery, Page, place_of, scanned
from models.dead import DeadLetter
from models.errors import Conflict, InvalidInput, NotFound
from models.job import parse_job
from worker.queue.jobs.documents import time_of
from worker.queue.jobs.ranked import Place

log = structlog.get_logger()
router = APIRouter(prefix="/v1/operations", tags=["operations"])


@router.get("/dead-letters", response_model=Page[ListedLetter], responses=errors(InvalidInput))
def list_letters(
    cursor: CursorQuery = None,
    limit: LimitQuery = 20,
    code: Annotated[
        str | None, Query(max_length=64, description="Only letters with this error code.")
    ] = None,
    call: Call = OPERATES,
) -> Response:
    """Lists failed jobs and refused messages, the latest first.

    With `code`, a page may have fewer letters than `limit`, though more follow: see its `nextCursor`.
    """
    found = call.services.letters.after(_after(cursor))
    document = scanned(
        found,
        limit,
        lambda letter: code in (None, letter.error.code),
        lambda place: (time_of(place.score), place.member),
        lambda letter: _listed(letter).to_data(),
    )
    return as_response(Answer.of(200, document))


@router.post(
    "/dead-letters/{letter_id}/retry",
    status_code=202,
    response_model=RetriedLetter,
    responses=errors(NotFound, Conflict, InvalidInput),
)
def retry_letter(letter_id: str, call: Call = OPERATES) -> Response:
    """Submits the letter's content as a new job, without its deadline. Retried again, it is the same new job."""

    def act() -> Answer:
        job = call.services.letters.heir(letter_id)
        call.services.client.submit(job)
        log.info("operator.retried", letterId=letter_id, jobId=job.job_id, keyId=call.caller.key_id)
        return Answer.of(202, RetriedLetter(letter_id=letter_id, job_id=job.job_id))

    return call.act(act)


@router.delete("/dead-letters/{letter_id}", status_code=204, responses=errors(NotFound))
def drop_letter(letter_id: str, call: Call = OPERATES) -> Response:
    """Forgets a letter. Its job's record stays."""
    call.services.letters.drop(letter_id)
    log.info("operator.dropped", letterId=letter_id, keyId=call.caller.key_id)
    return Response(status_code=204)


def _after(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    at, letter_id = place_of(cursor)
    return Place(round(at.timestamp() * 1000), letter_id)


def _listed(letter: DeadLetter) -> ListedLetter:
    """The letter without its message, which may have signed URLs, and without the error's details."""
    try:
        job = parse_job(letter.message)
    except InvalidInput:
        job = None
    return ListedLetter(
        letter_id=letter.letter_id,
        at=letter.at,
        error=letter.error.model_copy(update={"details": {}}),
        retried_as=letter.retried_as,
        can_retry=job is not None,
        job_id=job.job_id if job else None,
        kind=job.kind if job else None,
        organisation=job.organisation if job else None,
        project_id=job.project_id if job else None,
        influencer_id=job.influencer_id if job else None,
    )
