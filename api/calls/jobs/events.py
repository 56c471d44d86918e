"""`GET /v1/jobs/{jobId}/events`: a job's events as they come."""

from collections.abc import AsyncIterator
from typing import Annotated, get_args

from fastapi import APIRouter, Header
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api.calls.jobs.jobs import current_record
from api.http.call import READS_JOBS, Call
from api.http.declared import errors, server_sent
from api.http.following import end_of, text_of
from models.errors import InvalidInput, NotFound
from models.event import EventType, JobEvent
from models.record import JobRecord

router = APIRouter(prefix="/v1", tags=["jobs"])


class _Stream(StreamingResponse):
    """A stream of server-sent events. It counts against its key until it ends, however that happens.

    FastAPI's own (`fastapi.sse`) takes a generator as the handler, so the handler couldn't answer 204 or 429 any
    more. It gives each stream two tasks and encodes each event for each of them; here, a text is made once for all.
    """

    media_type = "text/event-stream"

    def __init__(self, call: Call, texts: AsyncIterator[str]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(texts, headers=headers)
        self._call = call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        following, key_id = self._call.services.following, self._call.caller.key_id
        following.open(key_id)
        try:
            await super().__call__(scope, receive, send)
        finally:
            following.close(key_id)


@router.get(
    "/jobs/{job_id}/events",
    status_code=200,
    response_class=_Stream,
    response_model=JobEvent,
    response_description="Server-sent events; `data` is a JobEvent.",
    responses=server_sent(JobEvent, *get_args(EventType))
    | errors(NotFound, InvalidInput)
    | {204: {"description": "Nothing new."}},
)
async def follow_job(
    job_id: str, last_event_id: Annotated[str | None, Header()] = None, call: Call = READS_JOBS
) -> Response:
    """Streams the job's events as server-sent events, beginning after `Last-Event-ID`.

    Answers 204 if no more events will come; a client then stops reconnecting.
    """
    after = _sequence(last_event_id)
    record = await run_in_threadpool(current_record, call, job_id)
    if record.is_final and record.sequence <= after:
        return Response(status_code=204)
    return _Stream(call, _past(call, record, after) if record.is_final else _to_come(call, job_id, after))


async def _past(call: Call, record: JobRecord, after: int) -> AsyncIterator[str]:
    """Yields the stored events of a final job. Where they have expired, the record says how it ended."""
    while True:
        events = await run_in_threadpool(list, call.services.store.events(record.job_id, after))
        for event in events:
            after = event.sequence
            yield text_of(event)
            if event.is_terminal:
                return
        if not events:
            if record.sequence > after:
                yield text_of(end_of(record))
            return


async def _to_come(call: Call, job_id: str, after: int) -> AsyncIterator[str]:
    with call.services.following.following(job_id, after, lambda: current_record(call, job_id)) as follower:
        async for text in follower.texts():
            yield text


def _sequence(last_event_id: str | None) -> int:
    if not last_event_id:
        return 0
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 15):
        raise InvalidInput(
            "Last-Event-ID is the id of an event of this job.",
            fields=[{"path": "Last-Event-ID", "reason": "not a number"}],
        )
    return int(last_event_id)
