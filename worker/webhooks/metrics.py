"""A deliverer's metrics: its own, and gauges of the fleet. Imported only where they are served."""

from worker.base.observers.catalogue import WEBHOOK_TRIES
from worker.base.observers.prometheus import counter_of, exposition, new_registry
from worker.queue.fleet.backlog import BacklogReader
from worker.queue.fleet.gauges import FleetGauges
from worker.webhooks.outbox import Outcome
from worker.webhooks.sender import Answer


class DeliveryMetrics:
    """Counts tries. docs/operating.md lists the names and labels."""

    def __init__(self, backlog: BacklogReader | None = None) -> None:
        """`backlog`: what to read the fleet's gauges from."""
        self._registry = new_registry()
        self._tries = counter_of(WEBHOOK_TRIES, self._registry)
        if backlog:
            self._registry.register(FleetGauges(backlog))

    def tried(self, answer: Answer, outcome: Outcome) -> None:
        self._tries.labels(outcome.state, _kind(answer)).inc()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        return exposition(self._registry, accept)


def _kind(answer: Answer) -> str:
    if answer.status is None:
        return "refused" if answer.is_refused else "none"
    # A receiver may answer with any number as its status.
    return f"{answer.status // 100}xx" if 100 <= answer.status < 600 else "other"
