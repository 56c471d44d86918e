"""Sends a message through the broker and receives it, over the connections that producers and workers use."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from models.errors import QueueUnavailable
from worker.base.settings import Settings
from worker.queue.queue import make_app

# In seconds. A Redis that answers has the message at once.
_PATIENCE = 5


def round_trip(settings: Settings) -> float:
    """Sends a message to a queue of its own and takes it. Returns the seconds until it was acknowledged.

    Raises QueueUnavailable, which says which of the two failed and why, and InvalidSettings.
    """
    app = make_app(settings)
    name = f"{settings.queue}.doctor-{uuid4().hex}"
    began = time.monotonic()
    with app.connection_for_write() as sending, app.connection_for_read() as taking:
        _explained("send to", lambda: _send(sending, name))
        try:
            _explained("take from", lambda: _take(taking, name))
        finally:
            # The queue is empty, and so gone, unless the message couldn't be taken.
            with suppress(OperationalError, RedisError, OSError):
                Queue(name)(sending.default_channel).purge()
    return time.monotonic() - began


def _send(connection: Connection, name: str) -> None:
    connection.connect()
    Producer(connection.channel()).publish({}, routing_key=name, exchange="", serializer="json")


def _take(connection: Connection, name: str) -> None:
    connection.connect()
    taken: list[Any] = []

    def take(_: Any, message: Any) -> None:
        message.ack()
        taken.append(message)

    queue = Queue(name, Exchange(""), name)
    with Consumer(connection.channel(), [queue], callbacks=[take], accept=["json"]):
        deadline = time.monotonic() + _PATIENCE
        while not taken:
            # Kombu treats a negative timeout as no limit.
            connection.drain_events(timeout=max(0.01, deadline - time.monotonic()))


def _explained(what: str, act: Callable[[], None]) -> None:
    try:
        act()
    except (OperationalError, RedisError, OSError) as error:
        why = str(error).rstrip(".") or type(error).__name__
        raise QueueUnavailable(
            f"A worker can't {what} the broker: {why}. Check LIKENESS_REDIS_URL and the rights of its user."
        ) from None
