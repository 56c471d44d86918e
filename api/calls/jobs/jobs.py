"""The calls to read, list and cancel jobs. The rows still know jobs that Redis has forgotten."""

import asyncio
import json
from contextlib import suppress
from functools import partial
from typing import Annotated, Literal, cast

import structlog
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from api.documents import StartedJob
from api.http.answers import Answer, is_known
from api.http.call import CANCELS_JOBS, READS_JOBS, WRITES, Call, as_response
from api.http.declared import errors
from api.http.pages import CursorQuery, LimitQuery, Page, behind, page
from api.rows.rows import influencer_of, job_of, now
from api.rows.tables import JobRow
from api.starting import location_of, record_job, refuse_while_rendering
from models.base import InfluencerId, Time
from models.errors import Conflict, ContentRefused, InvalidInput, NotFound, UnreadableDocument
from models.job import CLONE
from models.message import JobKind
from models.record import Asked, CancelAnswer, JobRecord, JobStatus, Stage
from worker.queue.jobs.dead import heir_of

log = structlog.get_logger()
router = APIRouter(prefix="/v1", tags=["jobs"])
_LONGEST_WAIT = 60
_WAIT = "`wait=N`: answer once the job has ended, or after so many seconds (a minute at most)."
_WITH_RESULT = "`result`: completed jobs have their results, with all images."
_OF_ONE = "Only jobs whose images are this influencer's."


@router.get(
    "/jobs",
    response_model=Page[JobRecord],
    responses=errors(InvalidInput),
)
def list_jobs(
    *,
    cursor: CursorQuery = None,
    limit: LimitQuery = 20,
    influencer_id: Annotated[InfluencerId | None, Query(alias="influencerId", description=_OF_ONE)] = None,
    since: Annotated[Time | None, Query(description="Only jobs that were started then or later.")] = None,
    status: Annotated[JobStatus | None, Query(description="Only jobs with this status.")] = None,
    kind: Annotated[JobKind | None, Query(description="Only jobs of this kind.")] = None,
    include: Annotated[Literal["result"] | None, Query(description=_WITH_RESULT)] = None,
    call: Call = READS_JOBS,
) -> Response:
    """Lists the organisation's jobs, the newest first: their records, without their results unless they are
    included."""
    with call.services.database.read() as session:
        asked = (
            select(JobRow)
            .where(JobRow.organisation == call.organisation)
            .order_by(JobRow.created_at.desc(), JobRow.job_id.desc())
            .limit(limit + 1)
        )
        if influencer_id is not None:
            asked = asked.where(JobRow.influencer_id == influencer_id)
        if since is not None:
            asked = asked.where(JobRow.created_at >= since)
        if kind is not None:
            asked = asked.where(JobRow.kind == kind)
        if status == "running":
            # Also those that ended and haven't landed yet, which are left out below.
            asked = asked.where(JobRow.status.is_(None), JobRow.landed_at.is_(None))
        elif status is not None:
            asked = asked.where(JobRow.status == status)
        if cursor is not None:
            asked = asked.where(behind(cursor, JobRow.created_at, JobRow.job_id, newest_first=True))
        rows = session.scalars(asked).all()
    known = call.services.store.records([row.job_id for row in rows if row.record is None])
    running = iter(known)
    records = {row.job_id: _record(row, next(running) if row.record is None else None) for row in rows}
    for row in rows:
        _land(call, row, records[row.job_id])
    left_out = set() if include == "result" else {"result"}
    document = page(
        rows,
        limit,
        lambda row: (row.created_at, row.job_id),
        lambda row: records[row.job_id].model_dump(mode="json", exclude_none=True, exclude=left_out),
    )
    if status is not None:
        document["items"] = [job for job in document["items"] if job["status"] == status]
    return as_response(Answer.of(200, document))


@router.get(
    "/jobs/{job_id}",
    response_model=JobRecord,
    responses=errors(NotFound, InvalidInput) | {304: {"description": "Nothing new."}},
)
async def get_job(
    job_id: str,
    if_none_match: Annotated[str | None, Header()] = None,
    prefer: Annotated[str | None, Header(description=_WAIT)] = None,
    call: Call = READS_JOBS,
) -> Response:
    """Returns a job's record. With its `ETag` in `If-None-Match`, answers 304 until the job has moved."""
    polls = call.services.polls
    record = await polls.running(call.organisation, job_id)
    if record is None:
        record = await run_in_threadpool(current_record, call, job_id)
        polls.note(call.organisation, job_id)
    headers = {"Cache-Control": "private, no-cache"}
    if seconds := _wait_of(prefer):
        headers["Preference-Applied"] = f"wait={seconds}"
        if not record.is_final:
            await _ended(call, record, seconds)
            record = await run_in_threadpool(current_record, call, job_id)
    headers["ETag"] = record.etag
    if is_known(record.etag, if_none_match):
        return Response(status_code=304, headers=headers)
    return as_response(Answer(200, record.to_json()), headers)


@router.post(
    "/jobs/{job_id}/cancel",
    response_model=CancelAnswer,
    responses=errors(NotFound, Conflict, InvalidInput)
    | {202: {"description": "Done.", "model": CancelAnswer}},
)
def cancel_job(job_id: str, call: Call = CANCELS_JOBS) -> Response:
    """Cancels a job. Answers 202 if the cancel was accepted, and 200 if the job had already ended."""

    def ask() -> Answer:
        with call.services.database.read() as session:
            row = job_of(session, call.organisation, job_id)
        answer = _cancel(call, row)
        if answer.accepted:
            call.services.landing.note_cancel(job_id)
        else:
            # The answer says how the job ended, so it must have landed.
            current_record(call, job_id)
        return Answer.of(202 if answer.accepted else 200, answer)

    return call.act(ask)


@router.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    response_model=StartedJob,
    responses=errors(NotFound, Conflict, InvalidInput),
)
def retry_job(job_id: str, call: Call = WRITES) -> Response:
    """Starts a job that failed, or was canceled, once more: as a new job, without the old one's deadline.

    Its influencer must still be waiting for images, so a job is retried once.
    """
    # Whatever ended by now has landed once this returns.
    current_record(call, job_id)

    def work(session: Session) -> Answer:
        row = job_of(session, call.organisation, job_id)
        influencer = influencer_of(session, call.organisation, row.influencer_id, to_write=True)
        refuse_while_rendering(influencer)
        if influencer.status != "failed":
            raise Conflict(
                "The influencer has its images: there is nothing to retry.",
                subcode="NOTHING_TO_RETRY",
                status=influencer.status,
            )
        message = call.services.tiers.permitted(call.organisation, json.loads(row.message))
        job = heir_of(message, f"job_{ULID()}")
        if broken := call.services.rules.broken_by(job):
            raise Conflict(
                f"The job would be refused again: {broken.path}: {broken.reason}. Change that and start a new one.",
                subcode=ContentRefused.code,
            )
        influencer.status, influencer.updated_at = "pending", now()
        return Answer.of(202, record_job(session, influencer, job), job)

    return call.write(work)


def current_record(call: Call, job_id: str) -> JobRecord:
    """The job's current record. A final job has landed once this returns, so that whoever reads the record finds
    the row ready. Raises NotFound."""
    with call.services.database.read() as session:
        row = job_of(session, call.organisation, job_id)
    if row.record is not None:
        return _read(row)
    (known,) = call.services.store.records([job_id])
    record = _record(row, known)
    _land(call, row, record)
    return record


async def _ended(call: Call, record: JobRecord, seconds: int) -> None:
    """Returns once the job has ended, or the time is over. It counts as one of the key's event streams."""
    following, key_id = call.services.following, call.caller.key_id
    following.open(key_id)
    try:
        current = partial(current_record, call, record.job_id)
        with following.following(record.job_id, record.sequence, current) as follower, suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for _ in follower.texts():
                    pass
    finally:
        following.close(key_id)


def _wait_of(prefer: str | None) -> int:
    """The seconds of `Prefer: wait=N`, a minute at most; 0 without it. Preferences that aren't known are ignored,
    as RFC 7240 has it."""
    for preference in (prefer or "").split(","):
        name, _, value = preference.partition("=")
        if name.strip().lower() == "wait" and value.strip().isdecimal():
            return min(int(value.strip()[:9]), _LONGEST_WAIT)
    return 0


def _land(call: Call, row: JobRow, record: JobRecord) -> None:
    if row.record is None and record.is_final:
        call.services.landing.land(record)


def _record(row: JobRow, known: JobRecord | None) -> JobRecord:
    if row.record is not None:
        return _read(row)
    if known is not None:
        return known
    # Redis doesn't know the job: it is recorded, and about to be submitted.
    return _in_short(row, "running", "queued")


def _read(row: JobRow) -> JobRecord:
    """The landed record. One that can't be read is shown as far as its row goes, so that lists still answer."""
    try:
        return JobRecord.read(row.record)
    except UnreadableDocument as error:
        log.error("record.unreadable", jobId=row.job_id, error=error.message)
        return _in_short(row, row.status or "failed", "done")


def _in_short(row: JobRow, status: str, stage: Stage) -> JobRecord:
    message = json.loads(row.message)
    return JobRecord(
        job_id=row.job_id,
        kind=message.get("kind", CLONE),
        status=cast("JobStatus", status),
        stage=stage,
        progress=0,
        sequence=0,
        influencer_id=row.influencer_id,
        project_id=row.project_id,
        location_url=location_of(row.job_id),
        asked=Asked.of(message),
        submitted_at=row.created_at,
        updated_at=row.created_at,
    )


def _cancel(call: Call, row: JobRow) -> CancelAnswer:
    if row.record is not None:
        return CancelAnswer.too_late(_read(row))
    try:
        return call.services.client.cancel(row.job_id)
    except NotFound:
        call.services.landing.submit(row.job_id)
        return call.services.client.cancel(row.job_id)
