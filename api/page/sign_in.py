"""One-time sign-in links: `likeness up` prints one, so that nobody has to copy a key."""

import secrets
import time
from hashlib import sha256
from threading import Lock

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from api.documents import Reply
from api.http.answers import Answer
from api.http.call import as_response
from models.base import Request as Body
from models.errors import Unauthenticated

router = APIRouter(prefix="/v1")
_LIFETIME = 3600.0


class Redeem(Body):
    """The body of `POST /v1/sign-in`."""

    token: str = Field(max_length=128)


class SignedIn(Reply):
    """An API key's secret."""

    key: str


class SignIn:
    """The links that this process made. Each one gives a key's secret once, within an hour."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: dict[bytes, tuple[float, str]] = {}

    def link(self, base: str, secret: str) -> str:
        """Makes a link to the page at `base` that signs in with the key. The token is in its fragment, which a
        browser sends to no server."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._made[_digest(token)] = (time.monotonic() + _LIFETIME, secret)
        return f"{base}/#/sign-in/{token}"

    def redeem(self, token: str) -> str:
        """Returns the key's secret. Raises Unauthenticated if the link was used, has expired or was never made."""
        with self._lock:
            ends, secret = self._made.pop(_digest(token), (0.0, ""))
        if time.monotonic() >= ends:
            raise Unauthenticated(
                "This sign-in link was used already, or is more than an hour old. Sign in with the API key instead."
            )
        return secret


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Exchanges a link's token for the key."""
    body = Redeem.parse(await request.body())
    links: SignIn = request.app.state.sign_in
    return as_response(Answer.of(200, SignedIn(key=links.redeem(body.token))), {"Cache-Control": "no-store"})


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
