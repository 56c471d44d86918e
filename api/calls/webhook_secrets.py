"""The secrets that sign an organisation's webhooks."""

import json
from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from ulid import ULID

from api.documents import DeletedWebhookSecret, NewWebhookSecret, WebhookSecret
from api.http.answers import Answer
from api.http.call import ANY_KEY, Call, calling
from api.http.declared import errors
from api.http.pages import Page
from api.rows.rows import is_id, now
from api.rows.tables import WebhookSecretRow
from models.base import Request
from models.errors import Conflict, InvalidInput, NotFound, QueueUnavailable

router = APIRouter(prefix="/v1", tags=["webhooks"])
_WRITES: Any = calling("webhooks:write")
# Characters of a secret that the list shows, so that people can tell one from another.
_SHOWN = len("whsec_") + 4


@router.post(
    "/webhook-secrets",
    status_code=201,
    response_model=NewWebhookSecret,
    responses=errors(Conflict, InvalidInput),
)
def create_webhook_secret(call: Call = _WRITES) -> Response:
    """Makes a secret that signs the organisation's webhooks from now on, and shows it this once.

    With two, each signs every webhook, so a secret is rotated without missing one: make another, give it to the
    receivers, then delete the old one.
    """
    secrets = call.services.webhook_secrets
    if call.body.strip():
        # It takes nothing, so that nobody believes that it took a secret of theirs.
        call.parsed(Request)

    def work(session: Session) -> Answer:
        master = secrets.require_master()
        call.require_room(session, "webhook secrets")
        row = WebhookSecretRow(
            secret_id=f"whs_{ULID()}", organisation=call.organisation, master=master, created_at=now()
        )
        session.add(row)
        return Answer.of(201, _shown(call, row).to_data() | {"master": master})

    answer = call.write(work)
    if answer.status_code != 201:
        return answer
    _publish(call)
    # The answer that is stored under an Idempotency-Key hasn't the secret: nothing stored has.
    made = json.loads(bytes(answer.body))
    made["secret"] = secrets.secret(call.organisation, made["secretId"], made.pop("master"))
    answer.body = json.dumps(made).encode()
    answer.headers["content-length"] = str(len(answer.body))
    return answer


@router.get("/webhook-secrets", response_model=Page[WebhookSecret], responses=errors(InvalidInput))
def list_webhook_secrets(call: Call = ANY_KEY) -> Response:
    """Lists the organisation's webhook secrets, the oldest first. Without any, the deployment's secret signs."""

    def work(session: Session) -> dict[str, Any]:
        asked = select(WebhookSecretRow).where(WebhookSecretRow.organisation == call.organisation)
        rows = session.scalars(asked.order_by(WebhookSecretRow.secret_id))
        # There are never more than fit into a page.
        return {"items": [_shown(call, row).to_data() for row in rows], "nextCursor": None}

    return call.read(work)


@router.delete(
    "/webhook-secrets/{secret_id}",
    response_model=DeletedWebhookSecret,
    responses=errors(NotFound, InvalidInput),
)
def delete_webhook_secret(secret_id: str, call: Call = _WRITES) -> Response:
    """Deletes a secret, which then signs no more webhooks. After the last one, the deployment's own secret does."""

    def work(session: Session) -> Answer:
        mine = (WebhookSecretRow.secret_id == secret_id, WebhookSecretRow.organisation == call.organisation)
        gone = is_id(secret_id) and session.scalar(
            delete(WebhookSecretRow).where(*mine).returning(WebhookSecretRow.secret_id)
        )
        if not gone:
            raise NotFound("There is no such webhook secret. GET /v1/webhook-secrets lists yours.")
        return Answer.of(200, DeletedWebhookSecret(secret_id=secret_id, deleted_at=now()))

    answer = call.write(work)
    _publish(call)
    return answer


def _publish(call: Call) -> None:
    # While Redis is away nothing is delivered, and a later comparison puts it right.
    with suppress(QueueUnavailable):
        call.services.webhook_secrets.publish(call.organisation)


def _shown(call: Call, row: WebhookSecretRow) -> WebhookSecret:
    secret = call.services.webhook_secrets.secret(row.organisation, row.secret_id, row.master)
    return WebhookSecret(
        secret_id=row.secret_id,
        created_at=row.created_at,
        beginning=None if secret is None else secret[:_SHOWN],
    )
