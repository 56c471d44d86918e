"""Messages between a queue and a worker: a real Redis, kombu's own consumer, and whatever may come in between."""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Consumer, Queue
from redis import Redis
from redis.exceptions import RedisError

from tests.e2e.faults.refusals import REFUSALS, Refusal, refusing
from worker.base.settings import Settings
from worker.queue.intake import Intake
from worker.queue.queue import make_app
from worker.stack import EmbeddedStack


@pytest.fixture
def app(settings: Settings) -> Celery:
    return make_app(settings)


@pytest.fixture
def hand(app: Celery) -> Intake:
    held: Intake = app.conf.broker_transport_options["intake"]
    return held


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(tmp_path_factory.mktemp("own")) as running:
        yield running


def send(app: Celery, settings: Settings, *numbers: int, **options: Any) -> None:
    for number in numbers:
        app.send_task("any", args=[number], queue=settings.queue, **options)


def waiting(client: Redis, settings: Settings) -> list[int]:
    """The numbers on the queue, the next one first."""
    return [number_in(json.loads(text)["body"]) for text in reversed(client.lrange(settings.queue, 0, -1))]


def number_in(body: str) -> int:
    """Of a message's body, which kombu writes as base64."""
    args, _, _ = json.loads(b64decode(body))
    return int(args[0])


def taken(client: Redis, hand: Intake) -> int:
    count, index = client.hlen(hand.keys[0]), client.zcard(hand.keys[1])
    assert count == index
    return int(count)


class Taker:
    """A consumer that holds what it took."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self.messages: list[Any] = []
        self.connection = connection
        channel = connection.default_channel
        self.consumer = Consumer(channel, [Queue(settings.queue)(channel)], auto_declare=False)
        self.consumer.register_callback(lambda _, message: self.messages.append(message))
        self.consumer.consume()

    def take(self, count: int = 1) -> list[int]:
        with suppress(TimeoutError):
            while len(self.messages) < count:
                self.connection.drain_events(timeout=1)
        return [int(message.payload[0][0]) for message in self.messages]


def test_a_message_is_on_its_queue_or_written_down(
    app: Celery, hand: Intake, settings: Settings, redis_client: Redis
) -> None:
    send(app, settings, 1, 2)
    with app.connection_for_read() as connection:
        taker = Taker(connection, settings)
        assert taker.take() == [1]
        assert (waiting(redis_client, settings), taken(redis_client, hand)) == ([2], 1)
        taker.messages[0].ack()
        assert taken(redis_client, hand) == 0
        assert taker.take(2) == [1, 2]
        taker.messages[1].reject(requeue=True)
        assert (waiting(redis_client, settings), taken(redis_client, hand)) == ([2], 0)


def test_an_answer_that_got_lost_is_asked_for_again(
    app: Celery, hand: Intake, settings: Settings, redis_client: Redis
) -> None:
    send(app, settings, 1, 2)
    # The connection broke before this was read.
    redis_client.execute_command(*hand.question([settings.queue]))  # type: ignore[no-untyped-call]
    assert waiting(redis_client, settings) == [2]
    with app.connection_for_read() as connection:
        assert Taker(connection, settings).take(2) == [1, 2]


def test_an_answer_that_nobody_waits_for_is_put_back(
    app: Celery, hand: Intake, settings: Settings, redis_client: Redis
) -> None:
    with app.connection_for_read() as connection:
        Taker(connection, settings)
        send(app, settings, 1, 2)
        transport: Any = connection.transport
        transport.cycle.on_poll_start()
        while not taken(redis_client, hand):
            pass
    assert (waiting(redis_client, settings), taken(redis_client, hand)) == ([1, 2], 0)


def test_what_is_settled_while_no_connection_is_there_is_settled_by_the_next(
    app: Celery, hand: Intake, settings: Settings, redis_client: Redis
) -> None:
    send(app, settings, 1, 2)
    with app.connection_for_read() as connection:
        taker = Taker(connection, settings)
        assert taker.take(2) == [1, 2]
    done, again = taker.messages
    done.ack()
    again.reject(requeue=True)
    assert taken(redis_client, hand) == 2
    with app.connection_for_read() as connection:
        assert Taker(connection, settings).take() == [2]
    assert taken(redis_client, hand) == 1


def test_the_visibility_timeout_puts_back_what_a_dead_worker_took(
    app: Celery, settings: Settings, redis_client: Redis
) -> None:
    send(app, settings, 1, 2)
    dead = make_app(settings).conf.broker_transport_options["intake"]
    redis_client.execute_command(*dead.question([settings.queue]))  # type: ignore[no-untyped-call]
    dead.sweep(redis_client, 60, 10)
    assert waiting(redis_client, settings) == [2]
    redis_client.zincrby(dead.keys[1], -61, dead.tag)
    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        channel.qos.visibility_timeout = 60
        channel.qos.restore_visible()
    assert waiting(redis_client, settings) == [1, 2]


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refused_taking_changes_nothing(
    settings: Settings, own_redis: EmbeddedStack, kind: Refusal
) -> None:
    with Redis.from_url(own_redis.redis.url, decode_responses=True) as client:
        hand = Intake("q")
        client.lpush("q", "message")
        with refusing(client, kind):
            for lists in (["q"], ["empty"]):
                with pytest.raises(RedisError):
                    client.execute_command(*hand.question(lists))
            assert client.lrange("q", 0, -1) == ["message"]
            assert not client.exists(*hand.keys)
        assert client.execute_command(*hand.question(["q"])) == "q\0message"
        assert client.exists("q", *hand.keys) == 2
