"""Webhook secrets of an organisation: made, shown once, listed, deleted, and what is signed with them."""

import json
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis
from standardwebhooks import WebhookVerificationError

from api.app import make_app
from api.rows.keys import create_key
from api.rows.tables import Base
from api.settings import ApiSettings
from models.errors import QueueUnavailable
from tests.support.api.calls import error_of
from tests.support.api.client import Api
from tests.support.deliveries import StartReceiver, delivering, end, job_for, settled, to
from tests.support.servers.receiver import SECRET, Received, Receiver
from worker.base.settings import Settings

PATH = "/v1/webhook-secrets"


@pytest.fixture
def receiver(receive: StartReceiver) -> Receiver:
    return receive()


def made(api: Api) -> dict[str, Any]:
    answer = api.call("POST", PATH)
    assert answer.status_code == 201, answer.text
    secret: dict[str, Any] = answer.json()
    return secret


def delivered(
    receiver: Receiver, settings: Settings, organisation: str | None = "acme", **changes: Any
) -> Received:
    """What the receiver gets of a job that ends now."""
    settings = to(receiver, settings, **changes)
    job = job_for(receiver.url(), organisation=organisation)
    before = len(receiver.received)
    end(settings, job)
    with delivering(settings):
        return receiver.wait_for(before + 1)[-1]


def verifies(got: Received, secret: str) -> bool:
    try:
        got.verified(secret)
    except WebhookVerificationError:
        return False
    return True


def test_a_secret_is_shown_once_and_then_by_its_beginning(api: Api) -> None:
    first, second = made(api), made(api)
    assert set(first) == {"secretId", "createdAt", "beginning", "secret"}
    assert first["secret"] != second["secret"]
    assert first["secret"].startswith(first["beginning"])
    answer = api.call("GET", PATH)
    listed = answer.json()["items"]
    assert listed == [
        {name: value for name, value in one.items() if name != "secret"} for one in (first, second)
    ]
    assert len(listed[0]["beginning"]) == len("whsec_") + 4
    assert first["secret"] not in answer.text


def test_neither_the_database_nor_redis_has_a_secret(
    api: Api, settings: Settings, redis_client: Redis, logged: list[Any]
) -> None:
    secret = made(api)["secret"]
    kept = api.call("POST", PATH, idempotency_key="k").json()["secret"]
    with api.services.database.read() as session:
        rows = repr([session.execute(table.select()).all() for table in Base.metadata.sorted_tables])
    published = repr(redis_client.hgetall(f"{settings.redis_prefix}:hooks:secrets"))
    master = settings.webhook_master_keys.get_secret_value()
    for each in (secret, kept, master):
        assert each not in rows + published + repr(logged)
    assert "whs_" in rows
    assert "whs_" in published


def test_a_repeated_request_makes_one_secret(api: Api) -> None:
    first, again = (api.call("POST", PATH, idempotency_key="k") for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(api.call("GET", PATH).json()["items"]) == 1


def test_an_organisations_secret_signs_its_webhooks_and_no_others(
    api: Api, stranger: Api, settings: Settings, receiver: Receiver
) -> None:
    mine, theirs = made(api)["secret"], made(stranger)["secret"]
    got = delivered(receiver, settings, "acme")
    assert [verifies(got, secret) for secret in (mine, theirs, SECRET)] == [True, False, False]
    got = delivered(receiver, settings, "other")
    assert [verifies(got, secret) for secret in (mine, theirs, SECRET)] == [False, True, False]
    for organisation in ("without one", None):
        got = delivered(receiver, settings, organisation)
        assert [verifies(got, secret) for secret in (mine, theirs, SECRET)] == [False, False, True]


def test_two_secrets_both_sign_until_one_is_deleted(api: Api, settings: Settings, receiver: Receiver) -> None:
    old, new = made(api), made(api)
    got = delivered(receiver, settings)
    assert len(got.headers["webhook-signature"].split()) == 2
    assert verifies(got, old["secret"])
    assert verifies(got, new["secret"])
    answer = api.call("DELETE", f"{PATH}/{old['secretId']}")
    assert (answer.status_code, answer.json()["secretId"]) == (200, old["secretId"])
    got = delivered(receiver, settings)
    assert not verifies(got, old["secret"])
    assert verifies(got, new["secret"])
    error_of(api.call("DELETE", f"{PATH}/{old['secretId']}"), 404, "NOT_FOUND")
    api.call("DELETE", f"{PATH}/{new['secretId']}")
    assert api.call("GET", PATH).json() == {"items": [], "nextCursor": None}
    assert verifies(delivered(receiver, settings), SECRET)


def test_the_operators_own_receiver_gets_the_deployments_signature(
    api: Api, settings: Settings, receiver: Receiver
) -> None:
    """Even where an organisation's job names that receiver as its own."""
    mine = made(api)["secret"]
    settings = to(receiver, settings, webhook_url=receiver.url("/all"))
    with delivering(settings) as outbox:
        outbox.take(0)
        for job in (
            job_for(receiver.url("/own"), organisation="acme"),
            job_for(receiver.url("/all"), organisation="acme"),
        ):
            end(settings, job)
        receiver.wait_for(3)
    signed = sorted((got.path, verifies(got, mine), verifies(got, SECRET)) for got in receiver.received)
    assert signed == [("/all", False, True), ("/all", False, True), ("/own", True, False)]


def test_a_webhook_that_waits_is_signed_with_what_there_is_when_it_is_tried(
    api: Api, settings: Settings, receive: StartReceiver
) -> None:
    receiver = receive()
    settings = to(receiver, settings)
    job = job_for(receiver.url(), organisation="acme")
    end(settings, job)
    secret = made(api)["secret"]
    with delivering(settings):
        (got,) = receiver.wait_for(1)
    assert verifies(got, secret)


def test_what_redis_lost_or_missed_is_put_right(
    api: Api, settings: Settings, redis_client: Redis, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets, key = api.services.webhook_secrets, f"{settings.redis_prefix}:hooks:secrets"
    secret = made(api)
    redis_client.delete(key)
    secrets.sync()
    assert verifies(delivered(receiver, settings), secret["secret"])

    def away(_: str) -> None:
        raise QueueUnavailable("Redis does not answer.")

    monkeypatch.setattr(type(secrets), "publish", lambda _, organisation: away(organisation))
    assert api.call("DELETE", f"{PATH}/{secret['secretId']}").status_code == 200
    another = made(api)["secret"]
    monkeypatch.undo()
    secrets.sync()
    got = delivered(receiver, settings)
    assert verifies(got, another)
    assert not verifies(got, secret["secret"])
    # Of an organisation that the database doesn't know.
    redis_client.hset(key, "gone", "whs_X:Y")
    secrets.sync()
    assert redis_client.hkeys(key) == ["acme"]


def test_a_deliverer_without_the_master_key_sends_nothing_and_says_why(
    api: Api, settings: Settings, receiver: Receiver
) -> None:
    secret = made(api)["secret"]
    lacking = to(receiver, settings, webhook_master_keys=SecretStr("n" * 40))
    job = job_for(receiver.url(), organisation="acme")
    end(lacking, job)
    with delivering(lacking) as outbox:
        delivery = settled(outbox, job)
    assert "LIKENESS_WEBHOOK_MASTER_KEYS" in str(delivery.last_answer)
    assert receiver.received == []
    with delivering(to(receiver, settings)) as outbox:
        outbox.replay(job.job_id)
        assert verifies(receiver.wait_for(1)[0], secret)


def test_master_keys_are_rotated_by_listing_both(
    api: Api, settings: Settings, api_settings: ApiSettings, receiver: Receiver
) -> None:
    old = made(api)
    keys = f"{'n' * 40} {settings.webhook_master_keys.get_secret_value()}"
    settings = settings.model_copy(update={"webhook_master_keys": SecretStr(keys)})
    another = Api(make_app(settings, api_settings), api.secret)
    new = made(another)
    got = delivered(receiver, settings, webhook_master_keys=SecretStr(keys))
    assert verifies(got, old["secret"])
    assert verifies(got, new["secret"])
    # Once the old key is gone, its secrets show that nothing signs with them.
    settings = settings.model_copy(update={"webhook_master_keys": SecretStr("n" * 40)})
    last = Api(make_app(settings, api_settings), api.secret)
    beginnings = {each["secretId"]: each["beginning"] for each in last.call("GET", PATH).json()["items"]}
    assert beginnings == {old["secretId"]: None, new["secretId"]: new["beginning"]}
    for each in (another, last):
        each.services.database.close()


def test_without_a_master_key_there_are_no_secrets_to_make(
    settings: Settings, api_settings: ApiSettings
) -> None:
    settings = settings.model_copy(update={"webhook_master_keys": SecretStr("")})
    app = make_app(settings, api_settings)
    api = Api(app, create_key(app.state.services.database, "acme").secret)
    error = error_of(api.call("POST", PATH), 409, "CONFLICT")
    assert error["details"] == {"subcode": "NO_MASTER_KEY"}
    assert "LIKENESS_WEBHOOK_MASTER_KEYS" in error["message"]
    assert api.call("GET", PATH).json()["items"] == []
    app.state.services.database.close()


def test_an_organisation_has_five_at_most(api: Api, stranger: Api) -> None:
    for _ in range(5):
        made(api)
    error = error_of(api.call("POST", PATH), 409, "CONFLICT")
    assert (error["details"]["subcode"], error["details"]["most"]) == ("LIMIT_REACHED", 5)
    made(stranger)


def test_a_key_needs_the_scope_and_those_of_an_earlier_version_have_it_not(api: Api) -> None:
    before = ("influencers:write", "jobs:read", "jobs:cancel")
    narrow = Api(api.app, create_key(api.services.database, "acme", before).secret)
    secret_id = made(api)["secretId"]
    for method, path in (("POST", PATH), ("DELETE", f"{PATH}/{secret_id}")):
        assert error_of(narrow.call(method, path), 403, "FORBIDDEN_SCOPE")["details"] == {
            "scope": "webhooks:write"
        }
    assert len(narrow.call("GET", PATH).json()["items"]) == 1


def test_a_secret_of_another_organisation_stays(api: Api, stranger: Api) -> None:
    secret_id = made(api)["secretId"]
    error_of(stranger.call("DELETE", f"{PATH}/{secret_id}"), 404, "NOT_FOUND")
    error_of(stranger.call("DELETE", f"{PATH}/a%00b"), 404, "NOT_FOUND")
    assert stranger.call("GET", PATH).json()["items"] == []
    assert json.dumps(api.call("GET", PATH).json()).count(secret_id) == 1


def test_a_secret_of_the_callers_own_is_not_taken(api: Api) -> None:
    for body in ({"secret": "mine"}, "text"):
        error_of(api.call("POST", "/v1/webhook-secrets", body), 422, "VALIDATION")
    assert api.call("POST", "/v1/webhook-secrets", {}).status_code == 201
