"""The middleware around every call: a request id, a limit on the body, and an answer whatever happens.

It also adds the headers that every answer has, and those that say what is left of a key's rate.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from ulid import ULID

from api.http.errors import body_of, status_of
from models.errors import BodyTooLarge, LikenessError, Unforeseen

log = structlog.get_logger()
HEADER = b"x-request-id"
# An answer is what it says it is, shows in no other site's frame, and its URL stays here.
_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)


class Frame:
    """The outermost ASGI middleware. The request's id is in `scope["state"]["request_id"]` and in the answer."""

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app = app
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, began = f"req_{ULID()}", time.perf_counter()
        scope.setdefault("state", {})["request_id"] = request_id
        started = False
        method = scope["method"]
        is_head = method == "HEAD"
        if is_head:
            # Handled as a GET; the body isn't sent.
            scope = {**scope, "method": "GET"}

        async def send_marked(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                marks = ((HEADER, request_id.encode()), *_SAFE, *scope["state"].get("rate_limit", ()))
                message["headers"] = [*message.get("headers", ()), *marks]
                _note(scope, method, message["status"], time.perf_counter() - began)
            elif is_head:
                return
            await send(message)
            if is_head:
                # Completes the answer, so that a stream of events ends as if its client had left.
                await send({"type": "http.response.body"})

        try:
            # Whatever the call logs, on any thread, has its id.
            with structlog.contextvars.bound_contextvars(requestId=request_id):
                await self._app(scope, _capped(receive, self._max_body, scope["path"]), send_marked)
        except ClientDisconnect:
            # The client is gone, so there is nobody to answer, and nothing is wrong here.
            return
        except Exception as error:
            if not isinstance(error, LikenessError):
                log.exception("api.failed", requestId=request_id, path=scope["path"][:256])
                error = Unforeseen(
                    "Something went wrong here. Try again, and tell us the requestId if it stays."
                )
            if started:
                # The answer has begun. All that is left is to break the connection.
                raise error from None
            await _answer(send_marked, error, request_id)


def _note(scope: Scope, method: str, status: int, seconds: float) -> None:
    """Logs one answered call, without its query, and whatever else is answered with 5xx. A stream of events is
    logged when it begins."""
    is_failure = status >= 500
    if not is_failure and not scope["path"].startswith("/v1/"):
        return
    state = scope["state"]
    write = log.warning if is_failure else log.info
    write(
        "api.answered",
        requestId=state["request_id"],
        keyId=state.get("key_id"),
        method=method,
        path=scope["path"][:256],
        status=status,
        seconds=round(seconds, 4),
    )


def _capped(receive: Receive, most: int, path: str) -> Callable[[], Any]:
    """Counts the bytes that arrive, since a declared length may be missing or wrong."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            is_picture = path.endswith("/media")
            advice = f" POST {path}/uploads gives a URL that takes larger pictures." if is_picture else ""
            raise BodyTooLarge(f"The body is larger than {most} bytes.{advice}", most=most)
        return message

    return counted


async def _answer(send: Send, error: LikenessError, request_id: str) -> None:
    body = json.dumps(body_of(error, request_id)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status_of(error), "headers": headers})
    await send({"type": "http.response.body", "body": body})
