"""The metrics of an API process: gauges of the whole deployment's queue, and the process's own.

Prometheus' library is loaded once somebody asks for them.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from models.errors import QueueUnavailable
from worker.queue.backlog import BacklogReader

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.metrics_core import Metric

log = structlog.get_logger()


class QueueMetrics:
    """Gauges that are read from Redis when they are asked for. docs/operating.md lists the names and labels."""

    def __init__(self, backlog: BacklogReader) -> None:
        self._backlog = backlog

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics in a format that the Accept header asks for, and the content type. While Redis is away, the
        queue's are missing."""
        from worker.base.observers.prometheus import exposition

        return exposition(self._registry, accept)

    @cached_property
    def _registry(self) -> "CollectorRegistry":
        from worker.base.observers.prometheus import new_registry

        registry = new_registry()
        registry.register(_Watched(self._backlog))
        return registry


class _Watched:
    def __init__(self, backlog: BacklogReader) -> None:
        self._backlog = backlog

    def describe(self) -> "Iterator[Metric]":
        """Names nothing: a registry would otherwise read Redis to learn the names."""
        return iter(())

    def collect(self) -> "Iterator[Metric]":
        try:
            backlog = self._backlog.read()
        except QueueUnavailable as error:
            log.warning("redis.unavailable", error=error.message)
            return
        jobs = _gauge(
            "likeness_queue_jobs", "Jobs that aren't final, by what they wait for.", "tier", "state"
        )
        oldest = _gauge("likeness_oldest_waiting_seconds", "Since the oldest message was sent.", "tier")
        for tier in backlog.tiers:
            for state, count in (("waiting", tier.waiting), ("parked", tier.parked), ("held", tier.held)):
                jobs.add_metric([tier.tier, state], count)
            oldest.add_metric([tier.tier], tier.oldest_waiting_seconds)
        workers = _gauge("likeness_workers", "Live workers.", "profile", "ready")
        # One that is silent has no id.
        live = Counter((one.profile or "", str(one.ready).lower()) for one in backlog.workers if one.worker)
        for labels, count in live.items():
            workers.add_metric(labels, count)
        letters = _gauge("likeness_dead_letters", "Dead letters that are kept.")
        letters.add_metric([], backlog.dead_letters)
        hooks = _gauge("likeness_webhooks_pending", "Deliveries of webhooks that aren't over.")
        hooks.add_metric([], backlog.webhooks_pending)
        yield from (jobs, oldest, workers, letters, hooks)


def _gauge(name: str, help_text: str, *labels: str) -> "GaugeMetricFamily":
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(name, help_text, labels=labels)
