"""Whether Celery's consumer loop goes round: the thread that takes messages from the broker."""

import time
from typing import Any

from celery import bootsteps

# In seconds.
_TICK = 1.0


class ConsumerLoop:
    """Written by the loop itself, read by anybody."""

    def __init__(self) -> None:
        self.is_subscribed = False
        """False before the first subscription, while the broker can't be reached, and once the worker drains."""
        self._ticked = 0.0

    @property
    def silence(self) -> float:
        """Seconds since the loop last went round. 0 while there is none."""
        return time.monotonic() - self._ticked if self.is_subscribed else 0

    def step(self) -> type[bootsteps.StartStopStep]:
        """A step of Celery's consumer, which starts its steps again with every connection."""
        loop = self

        class Watch(bootsteps.StartStopStep):
            requires = ("celery.worker.consumer.tasks:Tasks",)

            def start(self, *_: object) -> None:
                loop.tick()
                loop.is_subscribed = True

            def stop(self, *_: object) -> None:
                loop.is_subscribed = False

            def register_with_event_loop(self, _: Any, hub: Any) -> None:
                hub.call_repeatedly(_TICK, loop.tick)

        return Watch

    def tick(self) -> None:
        """Called by the loop."""
        self._ticked = time.monotonic()
