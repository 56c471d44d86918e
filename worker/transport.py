"""Kombu's Redis transport, made to outlive a restart of Redis while jobs are in hand.

With kombu 5.7.0, a worker whose connection breaks while a message isn't acknowledged yet ends with an
`AttributeError`: closing the old channel tries to put the message back on the queue, and acknowledging it
later tries the same channel, over a connection that is gone. Neither is needed here. The job store knows
of every job in hand, and a message that comes again finds its job held or final.

A message whose acknowledgement fails while its channel lives on would keep its place in the prefetch count, and a
worker that lost all places so would never ask for another message. So the place is given back; the message comes
again once its visibility timeout is over.

Kombu asks several queues in turn or in a fixed order; InTurn does the one within the other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import redis, virtual
from kombu.utils.scheduling import round_robin_cycle

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


class Channel(redis.Channel):
    QoS: Any = QoS


class InTurn(round_robin_cycle):  # type: ignore[type-arg]
    """The order in which queues are asked: those of begun jobs first, and of each kind the one that gave last goes
    to the end."""

    def consume(self, n: int) -> Iterator[str]:
        return iter(sorted(super().consume(n), key=lambda queue: not is_for_begun(queue)))


class Transport(redis.Transport):
    Channel: Any = Channel
