"""`GET /v1/operations/queue` and `/workers`: what waits, and who works on what."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.documents import QueueByTier, Workers
from api.http.answers import Answer
from api.http.call import OPERATES, Call, as_response

router = APIRouter(prefix="/v1/operations", tags=["operations"])


@router.get("/queue", response_model=QueueByTier)
def get_queue(call: Call = OPERATES) -> Response:
    """Returns how many jobs wait, are parked and are held, by tier, up to two seconds ago."""
    return as_response(Answer.of(200, QueueByTier(tiers=call.services.backlog.read().tiers)))


@router.get("/workers", response_model=Workers)
def list_workers(call: Call = OPERATES) -> Response:
    """Lists the workers that Redis heard of in the last seconds, and the jobs that they hold.

    One that is silent is listed as long as it holds a job, by its node's name alone.
    """
    return as_response(Answer.of(200, Workers(items=call.services.backlog.read().workers)))
