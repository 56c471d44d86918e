"""Liveness and readiness of a worker, with reasons written for people."""

from collections.abc import Callable

from worker.node.consuming.consumer_loop import ConsumerLoop

# In seconds. A call to Redis that hangs ends before this, with all its tries.
MOST_SILENCE = 120.0


class WorkerHealth:
    """Answers probes at once, from what the process already knows.

    `not_ready_reasons` says why the node can't take a new job.
    """

    def __init__(self, not_ready_reasons: Callable[[], list[str]], loop: ConsumerLoop) -> None:
        self._not_ready_reasons = not_ready_reasons
        self._loop = loop

    def live(self) -> list[str]:
        """Reasons to replace the process. An outage of Redis isn't one: another process would find the same. A loop
        that keeps trying to connect is alive; one that hangs in a try isn't."""
        if self._loop.silence > MOST_SILENCE:
            return [f"the consumer loop stands still for {self._loop.silence:.0f} s"]
        return []

    def ready(self) -> list[str]:
        """Reasons why it renders nothing new now."""
        reasons = self._not_ready_reasons()
        if not self._loop.is_subscribed:
            reasons.append("not subscribed to the queue")
        if self._loop.outage and self._loop.outage not in reasons:
            reasons.append(self._loop.outage)
        return reasons + self.live()
