"""Liveness and readiness of a worker, each with reasons for a person."""

from collections.abc import Callable

from worker.node.consumer_loop import ConsumerLoop

# In seconds. A call to Redis that hangs, with all its tries, ends before this.
MOST_SILENCE = 120.0


class WorkerHealth:
    """Asks nobody: it reads what the process knows, so that it answers at once.

    `not_ready_reasons` says why the node can't take a new job.
    """

    def __init__(self, not_ready_reasons: Callable[[], list[str]], loop: ConsumerLoop) -> None:
        self._not_ready_reasons = not_ready_reasons
        self._loop = loop

    def live(self) -> list[str]:
        """Why the process should be replaced. That Redis is away is no reason: another one would find the same. A
        loop that looks for it again and again lives; one that hangs while it looks doesn't."""
        if self._loop.silence > MOST_SILENCE:
            return [f"the consumer loop stands still for {self._loop.silence:.0f} s"]
        return []

    def ready(self) -> list[str]:
        """Why it renders nothing new now."""
        reasons = self._not_ready_reasons()
        if not self._loop.is_subscribed:
            reasons.append("not subscribed to the queue")
        if self._loop.outage and self._loop.outage not in reasons:
            reasons.append(self._loop.outage)
        return reasons + self.live()
