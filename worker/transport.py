"""Kombu's Redis transport, made to outlive a restart of Redis while jobs are in hand.

With kombu 5.7.0, a worker whose connection breaks while a message isn't acknowledged yet ends with an
`AttributeError`: closing the old channel tries to put the message back on the queue, and acknowledging it
later tries the same channel, over a connection that is gone. Neither is needed here. The job store knows
of every job in hand, and a message that comes again finds its job held or final.

A message whose acknowledgement fails while its channel lives on would keep its place in the prefetch count, and a
worker that lost all places so would never ask for another message. So the place is given back; the message comes
again once its visibility timeout is over.

What is on a queue and isn't kombu's, such as a job's bare JSON, ends a worker, too. Here it is delivered as the
body of a message, and the consumer refuses that.

Kombu asks several queues in turn or in a fixed order; InTurn does the one within the other.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from kombu.transport import redis, virtual
from kombu.utils.scheduling import round_robin_cycle
from redis.exceptions import RedisError

from worker.broker_channel import TargetedChannel, TargetedTransport
from worker.lanes import is_for_begun


class QoS(redis.QoS):
    """Leaves messages of a closed channel alone."""

    restore_at_shutdown = False

    def ack(self, delivery_tag: str) -> None:
        if not self.channel.closed:
            with self._giving_place_back(delivery_tag):
                super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not self.channel.closed:
            with self._giving_place_back(delivery_tag):
                super().reject(delivery_tag, requeue)

    @contextmanager
    def _giving_place_back(self, delivery_tag: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(TargetedChannel):
    QoS: Any = QoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except (ValueError, RecursionError) as error:
            # Off the queue already. Which one it was makes no difference: all have one consumer.
            self.connection._deliver(
                getattr(error, "doc", "nested too deeply to be read"), min(self.active_queues)
            )
            return True


class InTurn(round_robin_cycle):  # type: ignore[type-arg]
    """The order in which queues are asked: those of begun jobs first, and of each kind the one that gave last goes
    to the end."""

    def consume(self, n: int) -> Iterator[str]:
        return iter(sorted(super().consume(n), key=lambda queue: not is_for_begun(queue)))


class Transport(TargetedTransport):
    Channel: Any = Channel

    def _deliver(self, message: Any, queue: Any) -> None:
        try:
            super()._deliver(message, queue)
        except (OSError, RedisError):
            raise
        except Exception:  # noqa: BLE001 - whoever wrote it
            super()._deliver(_wrapped(message, queue), queue)


def _wrapped(content: Any, queue: str) -> dict[str, Any]:
    """A message as kombu has them on a queue."""
    return {
        "body": json.dumps(content),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {},
        "properties": {
            "delivery_tag": uuid4().hex,
            "delivery_info": {"exchange": "", "routing_key": queue},
        },
    }
