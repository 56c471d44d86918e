"""Liveness of Celery's consumer loop, the thread that takes messages from the broker."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from worker.queue.jobs.refusals import refusal_of, why_unavailable

log = structlog.get_logger()

# In seconds.
TICK = 1.0
# Seconds before connecting again to a broker that answered with a refusal. If it doesn't answer, kombu retries.
_PAUSE = 1.0


class ConsumerLoop:
    """The loop's state: written by the loop itself, read by any thread."""

    def __init__(self, queues: Sequence[str]) -> None:
        """`queues` are those that the loop must be subscribed to."""
        self.is_subscribed = False
        """False before the first subscription, while the broker can't be used, once the worker drains, and whenever
        the loop turns out not to ask all queues."""
        self.outage: str | None = None
        """Why the last connection was given up, until another one is subscribed."""
        self.may_take: Callable[[], bool] = lambda: True
        """Called before each request for messages: whether the loop may take any."""
        self._queues = frozenset(queues)
        self._ticked: float | None = None
        self._has_ended = False

    @property
    def silence(self) -> float:
        """Seconds since the loop's last round or last look for the broker. 0 before it begins and after it ends."""
        ticked = self._ticked
        return 0 if ticked is None or self._has_ended else time.monotonic() - ticked

    def tick(self) -> None:
        """Records a sign of life. Called by the loop."""
        self._ticked = time.monotonic()

    def look(self, channel: Any) -> None:
        """Notes whether the channel really asks for all queues. Called by the loop."""
        if not self._has_ended:
            asked = channel.is_heard and not channel.closed
            self.is_subscribed = asked and self._queues <= set(channel.active_queues)
            if self.is_subscribed:
                self.outage = None

    def give_up(self, error: Exception) -> None:
        """Notes the outage. Called by the loop when a connection broke or Redis refuses; it then connects again."""
        self.tick()
        self.is_subscribed = False
        self.outage = why_unavailable(error)
        log.warning("redis.unavailable", thread="consumer", error=self.outage)
        if refusal_of(error):
            time.sleep(_PAUSE)

    def end(self) -> None:
        """Notes the loop's end. Called by the loop when it takes no more messages. Begun jobs go on, maybe long."""
        self._has_ended = True
        self.is_subscribed = False
