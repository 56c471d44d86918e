"""Signs webhooks by Standard Webhooks 1.0.0."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from models.errors import InvalidSettings
from worker.base.settings import Settings

_PREFIX = "whsec_"
# In bytes, by the standard.
_LEAST, _MOST = 24, 64


class WebhookSigner:
    """Signs with an organisation's own secrets, or else with those of the settings: with every one, so that a
    receiver that knows any of them can verify.

    Raises InvalidSettings if there is no secret, or if one can't be used; the message gives that one's position.
    """

    def __init__(self, settings: Settings) -> None:
        secrets = settings.webhook_secrets.get_secret_value().split()
        if not secrets:
            raise InvalidSettings(
                "LIKENESS_WEBHOOK_SECRETS is empty, and webhooks leave signed. "
                'Make a secret: echo "whsec_$(openssl rand -base64 32)"'
            )
        for place, secret in enumerate(secrets, start=1):
            if not _is_secret(secret):
                raise InvalidSettings(
                    f"LIKENESS_WEBHOOK_SECRETS: number {place} isn't {_PREFIX} and the base64 of {_LEAST} to "
                    f"{_MOST} bytes. Separate several with spaces."
                )
        self._keys = [Webhook(secret) for secret in secrets]

    def headers(self, webhook_id: str, at: float, body: str, own: Sequence[str] = ()) -> dict[str, str]:
        """The headers that the standard requires. `at` is when this try is made, in seconds since 1970. `own`: the
        organisation's own secrets, if it has any."""
        timestamp = datetime.fromtimestamp(int(at), UTC)
        keys = [Webhook(secret) for secret in own] or self._keys
        signatures = (key.sign(webhook_id, timestamp, body) for key in keys)
        return {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at)),
            "webhook-signature": " ".join(signatures),
        }


def _is_secret(text: str) -> bool:
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return False
    return text.startswith(_PREFIX) and _LEAST <= len(key) <= _MOST
