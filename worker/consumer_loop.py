"""Whether Celery's consumer loop goes round: the thread that takes messages from the broker."""

import time
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer

# In seconds.
_TICK = 1.0


class ConsumerLoop:
    """Written by the loop itself, read by anybody."""

    def __init__(self) -> None:
        self.is_subscribed = False
        """False before the first subscription, while the broker can't be reached, and once the worker drains."""
        self.may_take: Callable[[], bool] = lambda: True
        """Asked before each request for messages."""
        self._ticked: float | None = None
        self._has_ended = False

    @property
    def silence(self) -> float:
        """Seconds since the loop last went round, or last looked for the broker. 0 before it begins and after its
        end."""
        ticked = self._ticked
        return 0 if ticked is None or self._has_ended else time.monotonic() - ticked

    def watched(self, consumer: type[Consumer]) -> type[Consumer]:
        """The consumer, made to write here."""
        loop = self

        class Watched(consumer):  # type: ignore[misc, valid-type]
            def ensure_connected(self, conn: Any) -> Any:
                """Called for every new connection. Comes back when there is one, however long that takes."""
                loop.is_subscribed = False
                loop.tick()
                ensure = conn.ensure_connection

                def ensure_and_tick(*args: Any, callback: Callable[[], None], **kwargs: Any) -> Any:
                    def between_tries() -> None:
                        # Once a second, and before each wait. A try that hangs doesn't come here.
                        loop.tick()
                        callback()

                    return ensure(*args, callback=between_tries, **kwargs)

                conn.ensure_connection = ensure_and_tick
                return super().ensure_connected(conn)

            def register_with_event_loop(self, hub: Any) -> None:
                super().register_with_event_loop(hub)
                hub.call_repeatedly(_TICK, loop.tick)

            def on_ready(self) -> None:
                super().on_ready()
                qos = self.task_consumer.channel.qos
                has_room = qos.can_consume
                qos.can_consume = lambda: loop.may_take() and has_room()
                loop.tick()
                loop.is_subscribed = True

            def stop(self) -> None:
                loop.end()
                super().stop()

        return Watched

    def tick(self) -> None:
        """Called by the loop."""
        self._ticked = time.monotonic()

    def end(self) -> None:
        """Called by the loop when it takes no more messages. What was begun goes on, and may take long."""
        self._has_ended = True
        self.is_subscribed = False
