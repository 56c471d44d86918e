"""The calls about webhooks' deliveries: list them, and deliver one again."""

from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.documents import ReplayedWebhooks
from api.http.answers import Answer
from api.http.call import OPERATES, Call, as_response
from api.http.declared import errors
from api.http.pages import CursorQuery, LimitQuery, Page, place_of, scanned
from models.errors import Conflict, InvalidInput, NotFound
from models.webhook import Delivery, DeliveryState
from worker.queue.jobs.deliveries import DeliveryPlace
from worker.queue.jobs.documents import time_of
from worker.queue.jobs.ranked import Place

log = structlog.get_logger()
router = APIRouter(prefix="/v1/operations", tags=["operations"])
_PENDING, _ENDED = "pending.", "ended."


@router.get("/webhooks", response_model=Page[Delivery], responses=errors(InvalidInput))
def list_webhooks(
    cursor: CursorQuery = None,
    limit: LimitQuery = 20,
    state: Annotated[DeliveryState | None, Query(description="Only deliveries that stand so.")] = None,
    call: Call = OPERATES,
) -> Response:
    """Lists deliveries of webhooks: pending ones by their next try, then ended ones, the latest first.

    With `state`, a page may have fewer than `limit`, though more follow: see its `nextCursor`.
    """
    document = scanned(
        call.services.deliveries.after(_after(cursor)),
        limit,
        lambda delivery: state in (None, delivery.state),
        _place_of,
        lambda delivery: delivery.to_data(),
    )
    return as_response(Answer.of(200, document))


@router.post(
    "/webhooks/{webhook_id}/replay",
    status_code=202,
    response_model=ReplayedWebhooks,
    responses=errors(NotFound, Conflict, InvalidInput),
)
def replay_webhook(webhook_id: str, call: Call = OPERATES) -> Response:
    """Delivers a webhook again, with the same id and whatever came of it before. A job's id names its webhook, too.

    Also lifts the stop that a 410 has put on its URL.
    """

    def act() -> Answer:
        replayed = call.services.deliveries.replay(webhook_id)
        log.info("operator.replayed", webhookId=replayed[0].webhook_id, keyId=call.caller.key_id)
        return Answer.of(202, ReplayedWebhooks(items=tuple(replayed)))

    return call.act(act)


def _place_of(found: DeliveryPlace) -> tuple[datetime, str]:
    prefix = _PENDING if found.is_pending else _ENDED
    return time_of(found.place.score), prefix + found.place.member


def _after(cursor: str | None) -> DeliveryPlace | None:
    if cursor is None:
        return None
    at, name = place_of(cursor)
    is_pending = name.startswith(_PENDING)
    member = name.removeprefix(_PENDING if is_pending else _ENDED)
    return DeliveryPlace(is_pending, Place(round(at.timestamp() * 1000), member))
