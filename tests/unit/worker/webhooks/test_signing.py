"""The signer: what it takes for a secret, and that nothing of one is told."""

import base64

import pytest

from models.errors import InvalidSettings
from worker.base.settings import Settings
from worker.webhooks.signing import WebhookSigner

GOOD = "whsec_" + base64.b64encode(b"k" * 32).decode()


def secret_of(length: int) -> str:
    return "whsec_" + base64.b64encode(b"s" * length).decode()


def test_the_reference_vector_of_the_standard() -> None:
    signer = WebhookSigner(Settings(webhook_secrets="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    headers = signer.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330.9, '{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    "secret", ["", "  ", "hunter2", GOOD[6:], secret_of(23), secret_of(65), "whsec_no*base64", GOOD + ","]
)
def test_what_is_no_secret_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(InvalidSettings, match="LIKENESS_WEBHOOK_SECRETS") as caught:
        WebhookSigner(Settings(webhook_secrets=secret))
    assert not secret.strip() or secret not in caught.value.message


def test_the_one_that_is_wrong_is_told_by_its_place() -> None:
    with pytest.raises(InvalidSettings, match="number 2"):
        WebhookSigner(Settings(webhook_secrets=f"{GOOD} hunter2"))


def test_settings_show_neither_secrets_nor_the_general_url() -> None:
    settings = Settings(webhook_secrets=GOOD, webhook_url="https://a.example/sesame")
    assert GOOD not in repr(settings) + settings.model_dump_json()
    assert "sesame" not in repr(settings) + settings.model_dump_json()
