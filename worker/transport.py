"""Kombu's Redis transport, made to outlive a restart of Redis while jobs are in hand.

With kombu 5.7.0, a worker whose connection breaks while a message isn't acknowledged yet ends with an
`AttributeError`: closing the old channel tries to put the message back on the queue, and acknowledging it
later tries the same channel, over a connection that is gone. Neither is needed here. The job store knows
of every job in hand, and a message that comes again finds its job held or final.
"""

from typing import Any

from kombu.transport import redis


class QoS(redis.QoS):
    """Leaves messages of a closed channel alone."""

    restore_at_shutdown = False

    def ack(self, delivery_tag: str) -> None:
        if not self.channel.closed:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not self.channel.closed:
            super().reject(delivery_tag, requeue)


class Channel(redis.Channel):
    QoS: Any = QoS


class Transport(redis.Transport):
    Channel: Any = Channel
