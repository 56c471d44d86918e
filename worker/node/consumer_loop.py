"""Liveness of Celery's consumer loop, the thread that takes messages from the broker."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from worker.queue.jobs.refusals import refusal_of, why_unavailable

log = structlog.get_logger()

# In seconds.
TICK = 1.0
# Seconds until a broker is asked again that answered and refused. One that doesn't answer is asked by kombu.
_PAUSE = 1.0


class ConsumerLoop:
    """Written by the loop itself, read by anybody."""

    def __init__(self, queues: Sequence[str]) -> None:
        """`queues`: those that it must be subscribed to."""
        self.is_subscribed = False
        """False before the first subscription, while the broker can't be used, once the worker drains, and whenever
        it is found that not all queues are asked."""
        self.outage: str | None = None
        """Why the last connection was given up, until another one is subscribed."""
        self.may_take: Callable[[], bool] = lambda: True
        """Asked before each request for messages."""
        self._queues = frozenset(queues)
        self._ticked: float | None = None
        self._has_ended = False

    @property
    def silence(self) -> float:
        """Seconds since the loop last went round, or last looked for the broker. 0 before it begins and after its
        end."""
        ticked = self._ticked
        return 0 if ticked is None or self._has_ended else time.monotonic() - ticked

    def tick(self) -> None:
        """Called by the loop."""
        self._ticked = time.monotonic()

    def look(self, channel: Any) -> None:
        """Called by the loop: see what the channel really asks for."""
        if not self._has_ended:
            asked = channel.is_heard and not channel.closed
            self.is_subscribed = asked and self._queues <= set(channel.active_queues)
            if self.is_subscribed:
                self.outage = None

    def give_up(self, error: Exception) -> None:
        """Called by the loop when a connection broke, or Redis refuses. It connects anew after this."""
        self.tick()
        self.is_subscribed = False
        self.outage = why_unavailable(error)
        log.warning("redis.unavailable", thread="consumer", error=self.outage)
        if refusal_of(error):
            time.sleep(_PAUSE)

    def end(self) -> None:
        """Called by the loop when it takes no more messages. What was begun goes on, and may take long."""
        self._has_ended = True
        self.is_subscribed = False
