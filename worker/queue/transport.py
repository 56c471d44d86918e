"""A kombu Redis transport that loses no message and survives any outage of Redis.

With kombu 5.7.0, a message is lost if it is taken and then can't be recorded, or its answer doesn't come. Here an
Intake takes and settles messages.

With kombu alone, a worker whose connection breaks while a message isn't acknowledged yet would end with an
`AttributeError`: closing the old channel tries to put the message back on the queue, and acknowledging it later
uses the same channel, over a connection that is gone. Here any connection can settle it.

A Redis that refuses, as a replica does after a failover, would end the worker, too. Here that counts as a broken
connection.

Content on a queue that isn't kombu's, such as a job's bare JSON, would end it as well. Here it is delivered as the
body of a message, which the consumer refuses.

Kombu asks several queues in turn or in a fixed order; InTurn combines the two. Messages of one queue are taken by
their Celery priority.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from time import monotonic
from typing import Any

import structlog
from kombu.transport import redis, virtual
from kombu.utils.json import loads
from kombu.utils.scheduling import round_robin_cycle
from redis.exceptions import RedisError, ResponseError

from worker.queue.broker_channel import TargetedChannel, TargetedTransport
from worker.queue.intake import Intake, Settlement
from worker.queue.jobs.refusals import why_unavailable
from worker.queue.lanes import is_for_begun

log = structlog.get_logger()

# How long a worker waits after it found nothing to take, in seconds.
_ASK_AGAIN = 0.2
# In seconds. Redis answers at once, or something is wrong.
_LONGEST_ANSWER = 5.0


class QoS(redis.QoS):
    """Tracks the messages in hand. Each gives its place back when it is settled, whether Redis learns of that now
    or later: a worker that lost all its places would never ask for another message."""

    restore_at_shutdown = False
    channel: Any
    # Kombu's, which its types leave out.
    _vrestore_count: int

    def append(self, message: Any, delivery_tag: str) -> None:
        # It was recorded when it was taken.
        virtual.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        self._settle(delivery_tag, "done")

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        self._settle(delivery_tag, "last" if requeue else "done")

    def restore_visible(self, start: int = 0, num: int | None = 10, interval: int = 10) -> None:  # noqa: ARG002
        self._vrestore_count += 1
        if (self._vrestore_count - 1) % (interval or 1) == 0:
            with self.channel.conn_or_acquire() as client:
                self.channel.intake.sweep(client, self.visibility_timeout, num or 100)

    def _settle(self, delivery_tag: str, settlement: Settlement) -> None:
        virtual.QoS.ack(self, delivery_tag)
        self.channel.intake.owe(delivery_tag, settlement)
        if not self.channel.closed:
            self.channel.settle()


class Channel(TargetedChannel):
    """A channel that takes and settles messages by the process's Intake."""

    QoS: Any = QoS
    intake: Intake
    """The process's own, from the transport options: it outlives channels."""
    from_transport_options = (*TargetedChannel.from_transport_options, "intake")
    # Kombu's, which its types leave out.
    connection_errors: tuple[type[Exception], ...]
    _in_poll: Any
    _brpop_sent_at: float
    _queue_cycle: Any
    _q_for_pri: Callable[[str, int], str]
    _flush_brpop_reauth: Callable[[], None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asks_at = 0.0
        self._has_answered = False

    def settle(self) -> None:
        """Sends what is owed to Redis. If that fails, a later call does."""
        if not self.intake.owes:
            return
        try:
            with self.conn_or_acquire() as client:
                self.intake.settle(client)
        except (OSError, RedisError) as error:
            log.warning("message.unsettled", error=why_unavailable(error))

    def close(self) -> None:
        if self._in_poll:
            self._end_asking()
        if not self.closed:
            self.settle()
        super().close()

    def _end_asking(self) -> None:
        """Reads the pending answer, and gives its message back. If none comes, the next connection asks for it."""
        with suppress(OSError, RedisError):
            if self.client.parse_response(self.client.connection, "EVAL"):
                self.intake.owe(self.intake.answered(), "next")
        self._in_poll = None

    @property
    def is_heard(self) -> bool:
        """Whether Redis answers. True while hands are full, too: it isn't asked for messages then."""
        if self._in_poll and monotonic() - self._brpop_sent_at > _LONGEST_ANSWER:
            return False
        return self._has_answered or not self.qos.can_consume()

    # Kombu calls these for its BRPOP.

    def _brpop_start(self, timeout: float | None = None) -> None:  # noqa: ARG002 - kombu's
        if monotonic() < self._asks_at:
            return
        self.settle()
        queues = self._queue_cycle.consume(len(self.active_queues))
        lists = [self._q_for_pri(queue, priority) for queue in queues for priority in self.priority_steps]
        if not lists:
            return
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()
        self.client.connection.send_command(*self.intake.question(lists))

    def _brpop_read(self, **options: Any) -> bool:
        try:
            taken = self.client.parse_response(self.client.connection, "EVAL", **options)
        except self.connection_errors:
            self.client.connection.disconnect()
            raise
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()
        self._has_answered = True
        if not taken:
            self._asks_at = monotonic() + _ASK_AGAIN
            raise Empty
        self._deliver(self.intake.answered(), taken)
        return True

    def _deliver(self, tag: str, taken: bytes) -> None:
        name, _, content = taken.partition(b"\0")
        queue = name.decode().rsplit(self.sep, 1)[0]
        self._queue_cycle.rotate(queue)
        try:
            self.connection._deliver(_message(content, queue, tag), queue)
        except Exception:
            self.intake.owe(tag, "next")
            raise
        if tag not in (self.qos._delivered or ()):
            # Its consumer doesn't acknowledge messages.
            self.intake.owe(tag, "done")


class InTurn(round_robin_cycle):  # type: ignore[type-arg]
    """The order in which queues are asked: those of begun jobs first. Within each kind, the queue that gave a
    message last goes to the end."""

    # Its types say an iterator; kombu uses it as a list.
    def consume(self, n: int) -> list[str]:  # type: ignore[override]
        return sorted(super().consume(n), key=lambda queue: not is_for_begun(queue))


class Transport(TargetedTransport):
    """A transport of such channels, for which a refusal by Redis is a broken connection."""

    Channel: Any = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        super().register_with_event_loop(connection, loop)
        # The loop asks whenever it goes round. This makes it do so.
        loop.call_repeatedly(_ASK_AGAIN, lambda: None)

    def _deliver(self, message: Any, queue: Any) -> None:
        try:
            super()._deliver(message, queue)
        except (OSError, RedisError):
            raise
        except Exception:  # noqa: BLE001 - whoever wrote it
            tag = message["properties"]["delivery_tag"]
            super()._deliver(_wrapped(message, queue, tag), queue)


def _message(content: bytes, queue: str, tag: str) -> dict[str, Any]:
    """The content of a queue as a kombu message."""
    try:
        message: Any = loads(content.decode())
    except ValueError:
        return _wrapped(content.decode(errors="replace"), queue, tag)
    except RecursionError:
        return _wrapped("nested too deeply to be read", queue, tag)
    match message:
        case {"properties": {"delivery_info": _}}:
            message["properties"]["delivery_tag"] = tag
            whole: dict[str, Any] = message
            return whole
    return _wrapped(message, queue, tag)


def _wrapped(content: Any, queue: str, tag: str) -> dict[str, Any]:
    return {
        "body": json.dumps(content),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {},
        "properties": {
            "delivery_tag": tag,
            "delivery_info": {"exchange": "", "routing_key": queue},
        },
    }
