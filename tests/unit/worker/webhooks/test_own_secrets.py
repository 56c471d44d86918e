"""Secrets that are derived: the same everywhere, another for each organisation and id."""

import pytest
from pydantic import SecretStr

from models.errors import InvalidSettings
from worker.base.settings import Settings
from worker.webhooks.own_secrets import MasterKeys, SecretName
from worker.webhooks.signing import WebhookSigner

KEY, OTHER = "k" * 32, "o" * 32


def masters(*keys: str) -> MasterKeys:
    return MasterKeys(Settings(webhook_master_keys=SecretStr(" ".join(keys))))


def test_a_secret_follows_from_its_key_organisation_and_id_alone() -> None:
    names = {key: masters(key).newest for key in (KEY, OTHER)}
    secrets = {
        masters(key).secret(organisation, SecretName(secret_id, str(names[key])))
        for key in (KEY, OTHER)
        for organisation in ("acme", "other")
        for secret_id in ("whs_1", "whs_2")
    }
    assert len(secrets) == 8
    assert None not in secrets
    # Receivers have it, so it must never change.
    name = SecretName("whs_1", str(masters(KEY).newest))
    assert masters(OTHER, KEY).secret("acme", name) == "whsec_/TC2Gmn3cAdbO7TPDx9XrwCUd766axuV0CVPKAW2Xg4="
    assert SecretName.parse(str(name)) == name


def test_every_secret_is_one_that_the_standard_takes() -> None:
    secret = masters(KEY).secret("acme", SecretName("whs_1", str(masters(KEY).newest)))
    WebhookSigner(Settings(webhook_secrets=SecretStr(str(secret))))


def test_the_first_key_makes_new_secrets_and_an_unknown_one_none() -> None:
    assert masters(OTHER, KEY).newest == masters(OTHER).newest
    assert masters().newest is None
    assert masters(KEY).secret("acme", SecretName("whs_1", "unknown")) is None


def test_a_key_that_is_too_short_is_told_by_its_place_and_not_shown() -> None:
    with pytest.raises(InvalidSettings, match="number 2") as caught:
        masters(KEY, "hunter2")
    assert "hunter2" not in caught.value.message
    assert KEY not in repr(Settings(webhook_master_keys=SecretStr(KEY)))
