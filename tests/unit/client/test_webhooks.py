"""Webhooks are verified as the deliverer signs them."""

import json
from datetime import UTC, datetime

import pytest
from likeness_client import BadSignature, verify
from standardwebhooks import Webhook

SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcg=="
BODY = json.dumps({"type": "job.completed"}).encode()
AT = datetime(2026, 11, 29, 12, tzinfo=UTC)


def headers(secret: str = SECRET) -> dict[str, str]:
    signature = Webhook(secret).sign("msg_1", AT, BODY.decode())
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(AT.timestamp())),
        "Webhook-Signature": f"v1,AAAA {signature}",
    }


def test_what_is_signed_comes_back() -> None:
    assert verify(BODY, headers(), OTHER, SECRET, now=AT.timestamp() + 200) == {"type": "job.completed"}


@pytest.mark.parametrize(
    ("body", "given", "seconds"),
    [
        (BODY + b" ", headers(), 0),
        (BODY, headers(OTHER), 0),
        (BODY, headers(), 301),
        (BODY, headers(), -301),
        (BODY, {}, 0),
        (BODY, headers() | {"Webhook-Timestamp": "soon"}, 0),
        (BODY, headers() | {"Webhook-Signature": ""}, 0),
        (BODY, headers() | {"Webhook-Signature": "v1,é"}, 0),
    ],
)
def test_anything_else_is_refused(body: bytes, given: dict[str, str], seconds: int) -> None:
    with pytest.raises(BadSignature):
        verify(body, given, SECRET, now=AT.timestamp() + seconds)
