"""When a delivery is tried again, and who waits for whom."""

import socket
import threading
import time
from collections import Counter
from ipaddress import ip_address

import pytest
from redis import Redis

from models.errors import NotFound
from models.job import CloneJob
from tests.support.deliveries import StartReceiver, delivering, end, job_for, settled, to
from tests.support.jobs.stored import claimed, result_of
from tests.support.stopwatch import Stopwatch
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.webhooks.deliverer import Deliverer
from worker.webhooks.metrics import DeliveryMetrics
from worker.webhooks.outbox import Outbox, Outcome
from worker.webhooks.sender import Sender


def test_what_became_of_tries_is_counted(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive((503, {}))
    settings = to(receiver, settings)
    metrics = DeliveryMetrics()
    deliverer = Deliverer(settings, metrics=metrics)
    assert deliverer.ready() == ["Redis wasn't asked yet"]
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
    receiver = receive((429, {"Retry-After": "600"}), (429, {"Retry-After": "2"}))
    settings = to(receiver, settings)
    # One hold that doesn't end while others are delivered, however long that takes, and one that does end.
    for_long = [job_for(receiver.url("/long")) for _ in range(2)]
    held = [job_for(receiver.url()) for _ in range(2)]
    other = job_for(receiver.url("/other"))
    with delivering(settings) as outbox:

        def answered(job: CloneJob) -> None:
            end(settings, job)
            while not any(d.last_answer for d in outbox.deliveries() if d.job_id == job.job_id):
                time.sleep(0.01)

        answered(for_long[0])
        began = time.monotonic()
        answered(held[0])
        for job in (for_long[1], held[1], other):
            end(settings, job)
        assert settled(outbox, other).state == "delivered"
        for job in held:
            assert settled(outbox, job).state == "delivered"
        assert time.monotonic() - began > 2
        still = [d for d in outbox.deliveries() if d.job_id in {job.job_id for job in for_long}]
        assert sorted((d.state, d.tries) for d in still) == [("pending", 0), ("pending", 1)]
    paths = [got.path for got in receiver.received]
    assert (paths[:2], sorted(paths[2:])) == (["/long", "/hook"], ["/hook", "/hook", "/other"])


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
            with Stopwatch() as watch:
                end(settings, healthy)
                assert settled(outbox, healthy).state == "delivered"
            assert watch.seconds < 2.5
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


def test_one_owner_has_one_share_by_whatever_ports_and_names(settings: Settings) -> None:
    outbox = Outbox(settings)
    for number in range(8):
        end(settings, job_for(f"https://a.example:{8000 + number}/hook"))
        end(settings, job_for(f"https://h{number}.b.co.uk/hook"))
        end(settings, job_for(f"https://[2001:db8::{number:x}]/hook"))
    taken = outbox.take(99)
    assert Counter(tried.fields["receiver"] for tried in taken) == {
        "a.example": 4,
        "b.co.uk": 4,
        "2001:db8::/64": 4,
    }
    end(settings, job_for("https://c.co.uk/hook"))
    (other,) = outbox.take(99)
    assert other.fields["receiver"] == "c.co.uk"


def test_receivers_that_hang_leave_places_for_those_that_answered(settings: Settings) -> None:
    outbox = Outbox(settings)
    end(settings, job_for("https://good.example/hook"))
    (good,) = outbox.take(4, 3)
    outbox.note(good, Outcome("delivered", "200"))
    for number in range(9):
        end(settings, job_for(f"https://hangs-{number}.example/hook"))
    hanging = outbox.take(4, 3)
    assert [tried.is_doubtful for tried in hanging] == [True] * 3
    end(settings, job_for("https://good.example/hook"))
    (again,) = outbox.take(1, 0)
    assert (again.url, again.is_doubtful) == ("https://good.example/hook", False)
    # One ends, and others of its kind come up.
    outbox.note(hanging[0], Outcome("pending", "no answer", delay=60, slow=True))
    assert len(outbox.take(4, 1)) == 1
    # Who lets a try run into its timeout isn't known to answer any more.
    outbox.note(again, Outcome("failed", "no answer", slow=True))
    end(settings, job_for("https://good.example/hook"))
    assert outbox.take(1, 0) == []


def test_many_deliveries_to_one_receiver_all_arrive(settings: Settings, receive: StartReceiver) -> None:
    receiver = receive()
    settings = to(receiver, settings, webhook_timeout=60)
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
    settings = to(receive(), settings, webhook_timeout=0.3)
    job = job_for("https://a.example/hook")
    end(settings, job)
    outbox = Outbox(settings)
    (dead,) = outbox.take(9)
    assert outbox.take(9) == []
    time.sleep(0.65)
    (heir,) = outbox.take(9)
    assert heir.webhook_id == dead.webhook_id
    assert not outbox.note(dead, Outcome("failed", "500"))
    assert outbox.note(heir, Outcome("delivered", "200"))
    assert settled(outbox, job).state == "delivered"


def test_deliveries_expire_some_time_after_they_ended_or_were_due(
    settings: Settings, receive: StartReceiver, redis_client: Redis
) -> None:
    settings = to(receive(), settings, record_ttl=3, visibility_timeout=0.5)
    outbox, hooks = Outbox(settings), f"{settings.redis_prefix}:hooks"
    ended, put_off, forgotten = (job_for("https://a.example/hook") for _ in range(3))
    for job in (ended, put_off):
        end(settings, job)
    for tried in outbox.take(2):
        is_over = tried.job_id == ended.job_id
        outbox.note(tried, Outcome("delivered", "200") if is_over else Outcome("pending", "500", delay=60))
    end(settings, forgotten)
    assert len(outbox.deliveries()) == 3
    time.sleep(3.2)
    assert [d.job_id for d in outbox.deliveries()] == [put_off.job_id]
    last = job_for("https://a.example/hook")
    end(settings, last)
    assert redis_client.zcard(hooks) == 2, "what expired isn't kept in lists"
    outbox.note(outbox.take(1)[0], Outcome("delivered", "200"))
    assert redis_client.zcard(f"{hooks}:ended") == 1


def set_redis_clock(redis_client: Redis, settings: Settings, hours: float) -> None:
    """To what was written so far, a clock that was set is the same as if it had been written at another time."""
    ms, hooks = int(-hours * 3_600_000), f"{settings.redis_prefix}:hooks"
    for key in (hooks, *redis_client.keys(f"{hooks}:busy:*"), *redis_client.keys(f"{hooks}:parked:*")):
        for delivery_id in redis_client.zrange(key, 0, -1):
            redis_client.zincrby(key, ms, str(delivery_id))
    for row in redis_client.keys(f"{hooks}:row:*"):
        for field in ("created_at", "put_at", "last_at"):
            if redis_client.hexists(row, field):
                redis_client.hincrby(row, field, ms)
    for hold in redis_client.keys(f"{hooks}:hold:*"):
        redis_client.incrby(hold, ms)
        redis_client.pexpire(hold, redis_client.pttl(hold) + ms)


def waits(outbox: Outbox) -> dict[str, float]:
    """In how many seconds each delivery is tried again, by its job."""
    return {d.job_id: d.next_try_at.timestamp() - time.time() for d in outbox.deliveries() if d.next_try_at}


@pytest.mark.parametrize("is_restarted", [True, False])
def test_a_redis_clock_set_back_makes_no_delivery_wait_longer(
    settings: Settings, redis_client: Redis, is_restarted: bool
) -> None:
    outbox = Outbox(settings)
    jobs = [job_for(f"https://{name}.example/hook") for name in ("failed", "in-hand", "held", "fresh")]
    for job in jobs[:3]:
        end(settings, job)
    for tried in outbox.take(3):
        if tried.job_id == jobs[0].job_id:
            outbox.note(tried, Outcome("pending", "500", delay=3600))
        if tried.job_id == jobs[2].job_id:
            outbox.note(tried, Outcome("pending", "503", delay=60, hold=60))
    jobs.append(job_for("https://held.example/hook"))
    for job in jobs[3:]:
        end(settings, job)
    before = waits(outbox)
    set_redis_clock(redis_client, settings, hours=-1)
    outbox._clock += 3_600_000
    (fresh,) = (Outbox(settings) if is_restarted else outbox).take(9)
    assert fresh.job_id == jobs[3].job_id
    # Whoever died in the middle of a try is replaced in time, and one more waits for the URL that asked for it.
    expected = before | {fresh.job_id: before[jobs[1].job_id], jobs[4].job_id: 60}
    assert waits(outbox) == pytest.approx(expected, abs=30)


def test_what_is_late_is_counted(settings: Settings, receive: StartReceiver) -> None:
    outbox = Outbox(to(receive(), settings))
    end(settings, job_for("https://a.example/hook"))
    assert outbox.late(60) == 0
    time.sleep(0.02)
    assert outbox.late(0.01) == 1
