"""Verifies webhooks: Standard Webhooks 1.0.0, with secrets of `whsec_…`."""

import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from likeness_client.errors import BadSignature

_CODE = "BAD_SIGNATURE"
_TOLERANCE = 300
"""Seconds that a webhook's time may be off."""


def verify(body: bytes, headers: Mapping[str, str], *secrets: str, now: float | None = None) -> Any:
    """Returns the webhook's document. Raises BadSignature unless one of the secrets signed it within five minutes.

    `body` is the request's raw body. The same webhook may come twice, with the same `webhook-id`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        webhook_id, at = given["webhook-id"], int(given["webhook-timestamp"])
        signatures = given["webhook-signature"].split()
    except (KeyError, ValueError):
        raise BadSignature("The request hasn't the three headers of a webhook.", code=_CODE) from None
    if abs((time.time() if now is None else now) - at) > _TOLERANCE:
        raise BadSignature("The webhook is too old, or this machine's clock is wrong.", code=_CODE)
    signed = f"{webhook_id}.{at}.".encode() + body
    for secret in secrets:
        digest = hmac.new(b64decode(secret.removeprefix("whsec_")), signed, sha256).digest()
        expected = b"v1," + b64encode(digest)
        if any(hmac.compare_digest(expected, signature.encode()) for signature in signatures):
            return json.loads(body)
    raise BadSignature("The webhook is signed with none of the secrets.", code=_CODE)
