"""Who is told of a job's end, and signed with what: real Redis, a real HTTP server, the library that verifies."""

import base64

import pytest
from pydantic import SecretStr
from redis import Redis
from standardwebhooks import WebhookVerificationError
from structlog.testing import capture_logs

from models.source_type import SourceType
from models.webhook import Webhook
from tests.support.deliveries import (
    OTHER_SECRET,
    StartReceiver,
    delivering,
    end,
    job_for,
    settled,
    to,
)
from tests.support.jobs.stored import ERROR, SOURCE, claimed
from tests.support.servers.receiver import SECRET
from worker.base.settings import Settings
from worker.client import plan_create
from worker.queue.jobs import JobStore
from worker.webhooks.outbox import Outbox


def test_a_completed_job_is_told_with_a_signature_that_holds(
    settings: Settings, receive: StartReceiver
) -> None:
    receiver = receive()
    settings = to(receiver, settings)
    job = job_for(receiver.url("/hook?token=sesame"))
    record = end(settings, job).get(job.job_id)
    with capture_logs() as logs, delivering(settings) as outbox:
        (got,) = receiver.wait_for(1)
        delivery = settled(outbox, job)
    told = Webhook.parse(got.verified())
    assert (told.type, told.timestamp) == ("job.completed", record.finished_at)
    assert (told.data.job_id, told.data.status, told.data.progress) == (job.job_id, "completed", 1)
    assert told.data.result
    assert (told.data.result.manifest_key, told.data.result.manifest_url) == ("m", "https://m")
    assert told.data.result.digital_source_type == SourceType.COMPOSITE
    assert len(got.body) < 20_000
    assert (got.path, got.headers["content-type"]) == ("/hook?token=sesame", "application/json")
    assert (delivery.state, delivery.tries, delivery.last_answer) == ("delivered", 1, "200")
    assert delivery.webhook_id == got.webhook_id
    assert "sesame" not in delivery.to_json()
    assert "sesame" not in str(logs)
    assert SECRET not in str(logs)


def test_a_callback_url_may_be_as_long_as_any_other(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive()
    settings = to(receiver, settings)
    url = receiver.url("/hook?token=") + "x" * (8192 - len(receiver.url("/hook?token=")))
    job = job_for(url)
    end(settings, job)
    with delivering(settings) as outbox:
        delivery = settled(outbox, job)
    assert (delivery.state, delivery.last_answer) == ("delivered", "200")
    assert receiver.url(receiver.received[0].path) == url


def test_the_kind_is_told(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive()
    settings = to(receiver, settings)
    store, job = JobStore(settings), plan_create(SOURCE, callback_url=receiver.url())
    store.fail(claimed(store, job), ERROR)
    with delivering(settings):
        (got,) = receiver.wait_for(1)
    assert Webhook.parse(got.verified()).data.kind == "influencer_create"


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_the_other_ends_are_told_too(settings: Settings, receive: StartReceiver, status: str) -> None:
    receiver = receive()
    settings = to(receiver, settings)
    job = job_for(receiver.url())
    if status == "failed":
        end(settings, job, ERROR)
    else:
        store = JobStore(settings)
        store.submit(job)
        store.cancel(job.job_id)
    with delivering(settings):
        (got,) = receiver.wait_for(1)
    told = Webhook.parse(got.verified())
    assert (told.type, told.data.status) == (f"job.{status}", status)
    assert told.data.error == (ERROR if status == "failed" else None)


def test_a_job_without_a_callback_is_told_to_nobody(settings: Settings) -> None:
    end(settings, job_for(None))
    assert Outbox(settings).deliveries() == []


def test_the_general_url_is_told_of_every_job_and_once(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive()
    settings = to(receiver, settings, webhook_url=receiver.url("/all"))
    with delivering(settings) as outbox:
        outbox.take(0)  # A deliverer was there, so the URL is known.
        plain, own, same = job_for(None), job_for(receiver.url("/own")), job_for(receiver.url("/all"))
        for job in (plain, own, same):
            end(settings, job)
        receiver.wait_for(4)
        for job in (plain, same):
            settled(outbox, job)
    told = sorted((got.path, got.verified()["data"]["jobId"]) for got in receiver.received)
    expected = [("/all", plain), ("/all", own), ("/own", own), ("/all", same)]
    assert told == sorted((path, job.job_id) for path, job in expected)
    of_own = {got.webhook_id for got in receiver.received if own.job_id in got.body.decode()}
    assert len(of_own) == 1, "one event, one id"


def test_a_deliverer_without_the_general_url_leaves_it_to_the_others(
    settings: Settings, redis_client: Redis
) -> None:
    general = settings.model_copy(update={"webhook_url": SecretStr("https://all.example/hook")})
    Outbox(general).take(0)
    without = Outbox(settings)
    without.take(0)
    end(settings, job_for(None))
    assert [delivery.url for delivery in without.deliveries()] == ["https://all.example/hook"]
    key = f"{settings.redis_prefix}:hooks:url"
    assert 0 < redis_client.ttl(key) <= settings.record_ttl, "gone by itself once nobody has it"
    redis_client.delete(key)  # As docs/webhooks.md says.
    end(settings, job_for(None))
    assert len(without.deliveries()) == 1


def test_secrets_are_rotated_by_listing_both(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive()
    settings = to(receiver, settings, webhook_secrets=f"{OTHER_SECRET} {SECRET}")
    job = job_for(receiver.url())
    end(settings, job)
    with delivering(settings):
        (got,) = receiver.wait_for(1)
    assert got.verified(SECRET) == got.verified(OTHER_SECRET)
    with pytest.raises(WebhookVerificationError):
        got.verified("whsec_" + base64.b64encode(b"x" * 32).decode())


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/hook", "https://127.0.0.1/hook", "https://169.254.169.254/latest", "http://[x"],
)
def test_no_webhook_goes_where_no_reference_is_fetched_from(
    settings: Settings, receive: StartReceiver, url: str
) -> None:
    settings = to(receive(), settings)
    job = job_for(url)
    end(settings, job)
    with delivering(settings) as outbox:
        delivery = settled(outbox, job)
    assert (delivery.state, delivery.tries) == ("failed", 1)
    assert delivery.last_answer
    assert delivery.last_answer.startswith("refused: ")
