"""Webhooks from the outbox to a receiver: real Redis, a real HTTP server, and the library that verifies."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import pytest
from redis import Redis
from standardwebhooks import WebhookVerificationError
from structlog.testing import capture_logs

from models.errors import NotFound, QueueUnavailable
from models.job import CloneJob, CloneRequest, ReferenceSource
from models.record import JobError
from models.webhook import Delivery, Webhook
from tests.integration.receiver import SECRET, Receiver, Reply
from tests.integration.test_job_store import ERROR, SOURCE, claimed, result_of
from worker.client import plan_clone, plan_create
from worker.jobs import JobStore
from worker.settings import Settings
from worker.webhooks.deliverer import Deliverer
from worker.webhooks.metrics import DeliveryMetrics
from worker.webhooks.outbox import Outbox, Outcome
from worker.webhooks.sender import Sender

OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret of 32 bytes......").decode()

StartReceiver = Callable[..., Receiver]


@pytest.fixture
def receive() -> Iterator[StartReceiver]:
    """Start receivers: `receive((503, {}))` fails once."""
    running: list[Receiver] = []

    def start(*replies: Reply, **kwargs: Any) -> Receiver:
        running.append(Receiver(*replies, **kwargs))
        return running[-1]

    yield start
    for receiver in running:
        receiver.stop()


def job_for(url: str | None, **optional: Any) -> CloneJob:
    return plan_clone(
        SOURCE,
        CloneRequest(name="Nova B"),
        [ReferenceSource(asset_id="med_1")],
        ["front"],
        callback_url=url,
        **optional,
    )


def to(receiver: Receiver, settings: Settings, **changes: Any) -> Settings:
    """Settings that may send to the receiver, and hardly wait between tries."""
    quick: dict[str, Any] = {
        "webhook_secrets": SECRET,
        "webhook_schedule": (0.05, 0.05, 0.05),
        "webhook_timeout": 5,
    }
    fields = settings.model_dump() | quick | {"allow_http_to": receiver.address} | changes
    return Settings(**fields)


@contextmanager
def delivering(settings: Settings, sender: Sender | None = None) -> Iterator[Outbox]:
    deliverer = Deliverer(settings, sender)
    thread = threading.Thread(target=deliverer.run)
    thread.start()
    try:
        yield Outbox(settings)
    finally:
        deliverer.stop()
        thread.join()


def end(settings: Settings, job: CloneJob, error: JobError | None = None) -> JobStore:
    store = JobStore(settings)
    lease = claimed(store, job)
    if error:
        store.fail(lease, error)
    else:
        store.complete(lease, result_of(job))
    return store


def settled(outbox: Outbox, job: CloneJob, timeout: float = 20) -> Delivery:
    """The job's delivery once nobody tries it any more."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        (delivery,) = [d for d in outbox.deliveries() if d.job_id == job.job_id]
        if delivery.state != "pending":
            return delivery
        time.sleep(0.02)
    raise AssertionError(outbox.deliveries())


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
    assert len(got.body) < 20_000
    assert (got.path, got.headers["content-type"]) == ("/hook?token=sesame", "application/json")
    assert (delivery.state, delivery.tries, delivery.last_answer) == ("delivered", 1, "200")
    assert delivery.webhook_id == got.webhook_id
    assert "sesame" not in delivery.to_json()
    assert "sesame" not in str(logs)
    assert SECRET not in str(logs)


def test_the_kind_is_told(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive()
    settings = to(receiver, settings)
    store, job = JobStore(settings), plan_create(SOURCE, callback_url=receiver.url())
    store.fail(claimed(store, job), ERROR)
    with delivering(settings):
        (got,) = receiver.wait_for(1)
    assert Webhook.parse(got.verified()).data.kind == "influencer_create"


def test_what_became_of_tries_is_counted(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive((503, {}))
    settings = to(receiver, settings)
    metrics = DeliveryMetrics()
    deliverer = Deliverer(settings, metrics=metrics)
    assert deliverer.ready() == ["Redis does not answer"]
    job = job_for(receiver.url())
    end(settings, job)
    thread = threading.Thread(target=deliverer.run)
    thread.start()
    try:
        settled(Outbox(settings), job)
        assert deliverer.live() == deliverer.ready() == []
    finally:
        deliverer.stop()
        thread.join()
    told = metrics.exposition("")[0].decode()
    assert 'likeness_webhook_tries_total{answer="5xx",state="pending"} 1.0' in told
    assert 'likeness_webhook_tries_total{answer="2xx",state="delivered"} 1.0' in told
    assert deliverer.ready() == ["stopping"]


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
    Outbox(settings.model_copy(update={"webhook_url": None})).take(0)
    after = job_for(None)
    end(settings, after)
    assert after.job_id not in {d.job_id for d in Outbox(settings).deliveries()}


def test_failures_are_tried_again_with_the_same_id_and_a_fresh_timestamp(
    settings: Settings, receive: StartReceiver
) -> None:
    receiver = receive((500, {}), (302, {"Location": "/elsewhere"}), (404, {}))
    settings = to(receiver, settings, webhook_schedule=(1.1, 0.05, 0.05))
    job = job_for(receiver.url())
    end(settings, job)
    with delivering(settings) as outbox:
        delivery = settled(outbox, job)
    tries = receiver.wait_for(4)
    assert (delivery.state, delivery.tries) == ("delivered", 4)
    assert {got.webhook_id for got in tries} == {delivery.webhook_id}
    assert {got.path for got in tries} == {"/hook"}, "redirects aren't followed"
    assert {got.body for got in tries} == {tries[0].body}
    assert tries[0].headers["webhook-timestamp"] < tries[1].headers["webhook-timestamp"]
    for got in tries:
        got.verified()


def test_the_schedule_ends(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive(*[(500, {})] * 9)
    settings = to(receiver, settings)
    job = job_for(receiver.url())
    end(settings, job)
    with delivering(settings) as outbox:
        delivery = settled(outbox, job)
        time.sleep(0.3)
    assert (delivery.state, delivery.tries, delivery.last_answer) == ("failed", 4, "500")
    assert len(receiver.received) == 4


def test_retry_after_holds_off_everything_to_that_url_and_nothing_else(
    settings: Settings, receive: StartReceiver
) -> None:
    receiver = receive((429, {"Retry-After": "2"}))
    settings = to(receiver, settings)
    first, second, other = job_for(receiver.url()), job_for(receiver.url()), job_for(receiver.url("/other"))
    end(settings, first)
    with delivering(settings) as outbox:
        receiver.wait_for(1)
        while not outbox.deliveries()[0].last_answer:
            time.sleep(0.01)
        asked = time.monotonic()
        end(settings, second)
        end(settings, other)
        settled(outbox, other)
        assert time.monotonic() - asked < 1.8
        for job in (first, second):
            assert settled(outbox, job).state == "delivered"
        assert time.monotonic() - asked > 1.8
    assert [got.path for got in receiver.wait_for(4)] == ["/hook", "/other", "/hook", "/hook"]


def test_410_stops_the_url_until_a_replay(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive((410, {}))
    settings = to(receiver, settings)
    first, second = job_for(receiver.url()), job_for(receiver.url())
    end(settings, first)
    with delivering(settings) as outbox:
        stopped = settled(outbox, first)
        end(settings, second)
        not_tried = settled(outbox, second)
        assert (stopped.state, not_tried.state, not_tried.tries) == ("failed", "failed", 0)
        assert stopped.last_answer
        assert stopped.last_answer.startswith("410")
        assert len(receiver.received) == 1
        (replayed,) = outbox.replay(first.job_id)
        assert replayed.state == "pending"
        assert settled(outbox, first).state == "delivered"
    assert {got.webhook_id for got in receiver.received} == {stopped.webhook_id}


def test_a_replay_delivers_what_was_delivered_again(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive()
    settings = to(receiver, settings)
    job = job_for(receiver.url())
    end(settings, job)
    with delivering(settings) as outbox:
        webhook_id = settled(outbox, job).webhook_id
        outbox.replay(webhook_id)
        first, second = receiver.wait_for(2)
        settled(outbox, job)
    assert (first.webhook_id, first.body) == (second.webhook_id, second.body)
    with pytest.raises(NotFound):
        outbox.replay("job_nope")


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


def test_a_receiver_that_hangs_keeps_nobody_else_waiting(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive()
    # Takes connections and never says a word.
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        settings = to(receiver, settings, webhook_timeout=3, webhook_concurrency=8, webhook_schedule=(60,))
        hanging = f"https://hangs.test:{silent.getsockname()[1]}/hook"
        sender = Sender(settings, resolve=lambda host, port: (ip_address("127.0.0.1"),))
        for _ in range(20):
            end(settings, job_for(hanging))
        healthy = job_for(receiver.url())
        with delivering(settings, sender) as outbox:
            while sum(delivery.tries for delivery in outbox.deliveries()) < 4:
                time.sleep(0.02)
            asked = time.monotonic()
            end(settings, healthy)
            assert settled(outbox, healthy).state == "delivered"
            assert time.monotonic() - asked < 2.5
        tried = [d for d in outbox.deliveries() if d.tries and d.job_id != healthy.job_id]
    assert len(tried) == 4
    assert {delivery.last_answer for delivery in tried} == {"no answer within 3 s"}


def test_a_receiver_gets_four_tries_at_once_and_one_that_hung_a_single_one(settings: Settings) -> None:
    outbox = Outbox(settings)
    for _ in range(9):
        end(settings, job_for("https://a.example/hook"))
    hung = Outcome("pending", "no answer", delay=60, slow=True)
    first = outbox.take(99)
    assert len(first) == 4
    assert outbox.take(99) == []
    for tried in first[:3]:
        outbox.note(tried, hung)
        assert outbox.take(99) == [], "the fourth is still in hand"
    outbox.note(first[3], hung)
    (probe,) = outbox.take(99)
    assert outbox.take(99) == []
    outbox.note(probe, Outcome("delivered", "200"))
    assert len(outbox.take(99)) == 2, "it is well again, and gets back to its share"


def test_many_deliveries_to_one_receiver_all_arrive(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive()
    settings = to(receiver, settings)
    store = JobStore(settings)
    jobs = [job_for(receiver.url()) for _ in range(40)]
    for job in jobs:
        store.complete(claimed(store, job), result_of(job))
    began = time.monotonic()
    with delivering(settings):
        receiver.wait_for(40)
    assert time.monotonic() - began < settings.webhook_timeout, "nobody waited for a lease to run out"
    assert len({got.webhook_id for got in receiver.received}) == len(receiver.received) == 40


def test_an_outcome_that_comes_late_changes_nothing(settings: Settings, receive: StartReceiver) -> None:
    settings = to(receive(), settings, webhook_timeout=0.1)
    job = job_for("https://a.example/hook")
    end(settings, job)
    outbox = Outbox(settings)
    (dead,) = outbox.take(9)
    assert outbox.take(9) == []
    time.sleep(0.25)
    (heir,) = outbox.take(9)
    assert heir.webhook_id == dead.webhook_id
    assert not outbox.note(dead, Outcome("failed", "500"))
    assert outbox.note(heir, Outcome("delivered", "200"))
    assert settled(outbox, job).state == "delivered"


def test_deliveries_expire_some_time_after_they_ended_or_were_due(
    settings: Settings, receive: StartReceiver, redis_client: Redis
) -> None:
    settings = to(receive(), settings, record_ttl=1, visibility_timeout=0.5)
    outbox, hooks = Outbox(settings), f"{settings.redis_prefix}:hooks"
    ended, put_off, forgotten = (job_for("https://a.example/hook") for _ in range(3))
    for job in (ended, put_off):
        end(settings, job)
    for tried in outbox.take(2):
        is_over = tried.job_id == ended.job_id
        outbox.note(tried, Outcome("delivered", "200") if is_over else Outcome("pending", "500", delay=60))
    end(settings, forgotten)
    assert len(outbox.deliveries()) == 3
    time.sleep(1.2)
    assert [d.job_id for d in outbox.deliveries()] == [put_off.job_id]
    last = job_for("https://a.example/hook")
    end(settings, last)
    assert redis_client.zcard(hooks) == 2, "what expired isn't kept in lists"
    outbox.note(outbox.take(1)[0], Outcome("delivered", "200"))
    assert redis_client.zcard(f"{hooks}:ended") == 1


def test_an_outage_of_redis_loses_nothing(
    settings: Settings, receive: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = receive()
    settings = to(receiver, settings, webhook_timeout=0.5)
    failures = {"take": 1, "note": 1}

    def flaky(name: str) -> None:
        call = getattr(Outbox, name)

        def once(*args: Any) -> Any:
            failures[name] -= 1
            if failures[name] >= 0:
                raise QueueUnavailable("gone")
            return call(*args)

        monkeypatch.setattr(Outbox, name, once)

    flaky("take")
    flaky("note")
    job = job_for(receiver.url())
    end(settings, job)
    with delivering(settings) as outbox:
        assert settled(outbox, job).tries == 2
    first, second = receiver.wait_for(2)
    assert first.webhook_id == second.webhook_id


def test_a_deliverer_that_is_killed_between_the_post_and_the_note_delivers_again(
    settings: Settings, receive: StartReceiver
) -> None:
    killed: list[int] = []

    def kill(_: object) -> None:
        if not killed:
            killed.append(process.pid)
            os.kill(process.pid, signal.SIGKILL)

    receiver = receive(on_request=kill)
    settings = to(receiver, settings, webhook_timeout=1)
    job = job_for(receiver.url())
    end(settings, job)
    environment = os.environ | {
        "LIKENESS_REDIS_URL": settings.redis_url.get_secret_value(),
        "LIKENESS_REDIS_PREFIX": settings.redis_prefix,
        "LIKENESS_ALLOW_HTTP_TO": receiver.address,
        "LIKENESS_WEBHOOK_SECRETS": SECRET,
        "LIKENESS_WEBHOOK_TIMEOUT": "1",
        "LIKENESS_WEBHOOK_SCHEDULE": json.dumps(settings.webhook_schedule),
    }
    command = [sys.executable, "-m", "worker", "webhooks", "deliver"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    assert process.wait(20) == -signal.SIGKILL
    assert Outbox(settings).deliveries()[0].state == "pending"
    with delivering(settings) as outbox:
        delivery = settled(outbox, job)
    first, second = receiver.wait_for(2)
    assert first.webhook_id == second.webhook_id == delivery.webhook_id
    assert (delivery.state, delivery.tries) == ("delivered", 2)


def test_a_zombies_end_is_told_to_nobody(settings: Settings) -> None:
    store = JobStore(settings.model_copy(update={"lease_ttl": 0.2}))
    job = job_for("https://a.example/hook")
    zombie = claimed(store, job, "zombie")
    time.sleep(0.25)
    heir = claimed(store, job, "heir")
    with pytest.raises(Exception, match="no longer"):
        store.fail(zombie, ERROR)
    assert Outbox(settings).deliveries() == []
    store.complete(heir, result_of(job))
    (delivery,) = Outbox(settings).deliveries()
    assert delivery.type == "job.completed"


def test_what_is_late_is_counted(settings: Settings, receive: StartReceiver) -> None:
    outbox = Outbox(to(receive(), settings))
    end(settings, job_for("https://a.example/hook"))
    assert outbox.late(60) == 0
    time.sleep(0.02)
    assert outbox.late(0.01) == 1
