"""Makes one try: a POST to an untrusted URL, under the same guard as references."""

import ssl
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpcore2

from models.errors import ReferenceUrlRefused, UnusableReference
from worker.base.settings import Settings
from worker.net.client import exchange
from worker.net.guard import check_url, resolve
from worker.net.pinned import Deadline, Resolver
from worker.webhooks.documents import webhook_from
from worker.webhooks.outbox import Try
from worker.webhooks.own_secrets import MasterKeys
from worker.webhooks.signing import WebhookSigner

_UNSIGNED = (
    "not tried: none of this deliverer's LIKENESS_WEBHOOK_MASTER_KEYS is one that the organisation's secrets are "
    "derived from"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a try. `status` is None if none came back, and `failure` says why.

    `is_refused`: the guard refused, so nothing was sent. `is_unsigned`: no signature could be made, so nothing was
    sent either. `retry_after` is in seconds.
    """

    status: int | None = None
    failure: str = ""
    is_refused: bool = False
    is_unsigned: bool = False
    retry_after: float = 0


class Sender:
    """Signs and sends webhooks. `resolve` is the address policy and `tls` the trust store; only tests replace them.

    Raises InvalidSettings if it can't sign.
    """

    def __init__(
        self, settings: Settings, *, resolve: Resolver = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._timeout = settings.webhook_timeout
        self._allow_http_to = settings.allow_http_to
        self._signer = WebhookSigner(settings)
        self._masters = MasterKeys(settings)
        self._resolve = resolve
        self._tls = tls

    def send(self, tried: Try) -> Answer:
        """Sends a webhook, within `webhook_timeout` seconds. A redirect counts as an answer and isn't followed."""
        try:
            return self._send(tried)
        except ReferenceUrlRefused as error:
            return Answer(failure=f"refused: {error.message}", is_refused=True)
        except UnusableReference as error:
            return Answer(failure=error.message)
        except httpcore2.TimeoutException:
            return Answer(failure=f"no answer within {self._timeout:g} s")
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            return Answer(failure=f"no answer ({type(error).__name__})")

    def _send(self, tried: Try) -> Answer:
        own = self._masters.secrets(tried.organisation, tried.own_secrets)
        if tried.own_secrets and not own:
            # The deployment's secret would not do: its signature is one that the receiver doesn't ask for.
            return Answer(failure=_UNSIGNED, is_unsigned=True)
        deadline = Deadline(self._timeout)
        place = check_url(tried.url, self._allow_http_to)
        body = webhook_from(tried.fields).to_json()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body.encode())),
            **self._signer.headers(tried.webhook_id, tried.at, body, own),
        }
        with exchange(
            "POST",
            place,
            headers,
            deadline=deadline,
            resolve=self._resolve,
            tls=self._tls,
            content=body.encode(),
        ) as response:
            # The head says everything; the body of the answer is never read.
            return Answer(response.status, retry_after=_retry_after(response, tried.at))


def _retry_after(response: httpcore2.Response, now: float) -> float:
    """The Retry-After header in seconds from `now`; 0 if it is missing or can't be read."""
    text = next((value for key, value in response.headers if key.lower() == b"retry-after"), b"")
    value = text.decode("latin-1").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return 0
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)
