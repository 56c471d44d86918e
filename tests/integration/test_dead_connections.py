"""Connections to the broker that die: a real Celery consumer, a real Redis, and a proxy between them."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import Celery, _state
from celery.contrib.testing.worker import TestWorkController
from celery.signals import worker_init
from celery.worker import state as worker_state
from kombu.asynchronous import set_event_loop
from pydantic import SecretStr

from models.errors import QueueUnavailable
from tests.e2e.faults.proxies import TcpProxy
from worker.base.settings import Settings
from worker.node import health as health_module
from worker.node.consuming import consumer as consumer_module
from worker.node.consuming.consumer import Around, consume_with
from worker.node.consuming.consumer_loop import ConsumerLoop
from worker.node.consuming.request import JobRequest
from worker.node.health import WorkerHealth
from worker.queue import queue as queue_module
from worker.queue.jobs import JobStore
from worker.queue.queue import JobQueue, make_app
from worker.stack import EmbeddedStack

pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")

# In seconds, for what must come. Nothing is measured by it.
PATIENCE = 15


@pytest.fixture
def proxy(stack: EmbeddedStack) -> Iterator[TcpProxy]:
    running = TcpProxy(stack.redis.port)
    yield running
    running.stop()


@pytest.fixture
def loop(settings: Settings) -> ConsumerLoop:
    return ConsumerLoop([settings.queue])


def through(address: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Celery:
    """The app as it is, but for its patience."""
    monkeypatch.setattr(queue_module, "_SOCKET_TIMEOUT", 0.4)
    app = make_app(settings.model_copy(update={"redis_url": SecretStr(f"redis://{address}/0")}))
    # As kombu has them, in less time: its checks of connections, its look for lost messages.
    app.conf.broker_transport_options |= {
        "polling_interval": 0.1,
        "health_check_interval": 0.3,
        "unacked_restore_interval": 0.1,
        "unacked_restore_throttle": 1,
    }
    return app


@contextmanager
def consuming(
    app: Celery, loop: ConsumerLoop, monkeypatch: pytest.MonkeyPatch, goes_on: threading.Event | None = None
) -> Iterator[list[int]]:
    """A worker of this app on a thread, subscribed, with one job at a time in hand. What its task is called with
    comes into the list; then it waits for `goes_on`."""
    taken: list[int] = []

    @app.task(name="probe", shared=False, Request=JobRequest)
    def probe(number: int) -> None:
        taken.append(number)
        if goes_on:
            goes_on.wait()

    consume_with(app, Around(loop, refuse=lambda message, error: None))
    # worker.node.app, which other tests import, would start a node.
    monkeypatch.setattr(worker_init, "receivers", [])
    # Threads of the pool look up their app there.
    monkeypatch.setattr(_state, "default_app", app)
    app.finalize()
    without = dict.fromkeys(("without_heartbeat", "without_gossip", "without_mingle"), True)
    worker: Any = TestWorkController(
        app=app,
        queues=app.conf.task_default_queue,
        pool="threads",
        concurrency=1,
        loglevel="ERROR",
        ready_callback=None,
        **without,
    )
    thread = threading.Thread(target=worker.start, daemon=True)
    thread.start()
    try:
        wait_until(lambda: loop.is_subscribed)
        yield taken
    finally:
        if goes_on:
            goes_on.set()
        monkeypatch.setattr(worker_state, "should_terminate", 0)
        thread.join(PATIENCE)
        monkeypatch.setattr(worker_state, "should_terminate", None)
        # A request that its pool ended with would count as in hand in the next test's worker, which would take
        # nothing.
        worker_state.reset_state()
        set_event_loop(None)
    assert not thread.is_alive()


def wait_until(condition: Callable[[], bool], between: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        between()
        time.sleep(0.01)


@pytest.mark.parametrize("is_busy", [True, False])
def test_a_worker_whose_connections_died_silently_takes_jobs_again(
    settings: Settings, proxy: TcpProxy, loop: ConsumerLoop, monkeypatch: pytest.MonkeyPatch, is_busy: bool
) -> None:
    direct, goes_on = make_app(settings), threading.Event()
    with consuming(through(proxy.address, settings, monkeypatch), loop, monkeypatch, goes_on) as taken:
        direct.send_task("probe", args=[1], queue=settings.queue)
        wait_until(lambda: bool(taken))
        if not is_busy:
            goes_on.set()
            wait_until(lambda: not worker_state.active_requests)
        proxy.drop()
        # Its message can't be acknowledged any more.
        goes_on.set()
        # What the dead connection asked for last is lost with it. A reaper sends such a job again.
        wait_until(lambda: 2 in taken, lambda: direct.send_task("probe", args=[2], queue=settings.queue))


def test_a_loop_that_looks_for_the_broker_lives_and_one_that_hangs_at_it_does_not(
    settings: Settings, proxy: TcpProxy, loop: ConsumerLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "MOST_SILENCE", 0.5)
    monkeypatch.setattr(consumer_module, "TICK", 0.1)
    # Kombu waits longer from try to try, and calls back once a second.
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda seconds, sleep=time.sleep: sleep(seconds / 10))
    health = WorkerHealth(list, loop)
    answers, find = threading.Event(), socket.getaddrinfo
    with consuming(through(proxy.address, settings, monkeypatch), loop, monkeypatch):
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *args, **kwargs: answers.wait() and find(*args, **kwargs)
        )
        answers.set()
        with proxy.down():
            wait_until(lambda: not loop.is_subscribed)
            for _ in range(2):
                wait_until(lambda: loop.silence > 0.05)
                wait_until(lambda: loop.silence < 0.05)
            answers.clear()
            wait_until(lambda: "stands still" in "".join(health.live()))
            answers.set()
        wait_until(lambda: loop.is_subscribed)
        wait_until(lambda: health.live() == [])
    assert not loop.is_subscribed
    monkeypatch.setattr(health_module, "MOST_SILENCE", 0)
    assert health.live() == [], "a worker that drains ends by itself"


def test_what_waits_for_its_time_is_put_back_when_the_connection_breaks(
    settings: Settings, proxy: TcpProxy, loop: ConsumerLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = make_app(settings)
    with consuming(through(proxy.address, settings, monkeypatch), loop, monkeypatch) as taken:
        direct.send_task("probe", args=[1], queue=settings.queue, countdown=4)
        wait_until(lambda: bool(worker_state.scheduled_requests))  # type: ignore[attr-defined]
        proxy.cut()
        wait_until(lambda: 1 in taken)
    assert taken == [1]


def test_no_message_is_discarded_by_celery(
    settings: Settings, proxy: TcpProxy, loop: ConsumerLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = make_app(settings)
    monkeypatch.setattr(worker_state, "revoked", {"unwanted"})
    with consuming(through(proxy.address, settings, monkeypatch), loop, monkeypatch) as taken:
        direct.send_task("probe", args=[1], queue=settings.queue, expires=datetime(2020, 1, 1, tzinfo=UTC))
        direct.send_task("probe", args=[2], queue=settings.queue, task_id="unwanted")
        wait_until(lambda: len(taken) == 2)


def test_a_subscription_that_is_lost_is_seen(
    settings: Settings, proxy: TcpProxy, loop: ConsumerLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "TICK", 0.1)
    app = through(proxy.address, settings, monkeypatch)
    # The easiest way to lose one; workers have it off.
    app.conf.worker_enable_remote_control = True
    with consuming(app, loop, monkeypatch):
        make_app(settings).control.cancel_consumer(settings.queue)
        wait_until(lambda: not loop.is_subscribed)
        make_app(settings).control.add_consumer(settings.queue)
        wait_until(lambda: loop.is_subscribed)


def test_queues_that_can_not_be_counted_are_told_in_our_words(
    settings: Settings, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = through(proxy.address, settings, monkeypatch)
    queue = JobQueue(settings, JobStore(settings), app)
    with app.connection_for_read() as connection:
        connection.default_channel  # noqa: B018 - connects
        monkeypatch.setattr(app, "connection_for_read", lambda: connection)
        with proxy.blackhole(), pytest.raises(QueueUnavailable):
            queue.depths()
