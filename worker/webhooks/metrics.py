"""A deliverer's metrics. Imported only where they are served."""

from prometheus_client import Counter

from worker.base.observers.prometheus import exposition, new_registry
from worker.webhooks.outbox import Outcome
from worker.webhooks.sender import Answer


class DeliveryMetrics:
    """Counts tries. docs/operating.md lists the names and labels."""

    def __init__(self) -> None:
        self._registry = new_registry()
        self._tries = Counter(
            "likeness_webhook_tries",
            "Tries, by what became of the delivery and by what came back.",
            ["state", "answer"],
            registry=self._registry,
        )

    def tried(self, answer: Answer, outcome: Outcome) -> None:
        self._tries.labels(outcome.state, _kind(answer)).inc()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        return exposition(self._registry, accept)


def _kind(answer: Answer) -> str:
    if answer.status is None:
        return "refused" if answer.is_refused else "none"
    # A receiver may answer with any number as its status.
    return f"{answer.status // 100}xx" if 100 <= answer.status < 600 else "other"
