"""Gauges of the whole fleet, for processes that never scale to zero: the API and the deliverer."""

from collections import Counter
from collections.abc import Iterator

import structlog
from prometheus_client.metrics_core import Metric

from models.errors import QueueUnavailable
from worker.base.observers import catalogue
from worker.base.observers.prometheus import family_of
from worker.queue.fleet.backlog import BacklogReader

log = structlog.get_logger()


class FleetGauges:
    """A collector that reads Redis when it is asked. While Redis is away, there are no gauges."""

    def __init__(self, backlog: BacklogReader) -> None:
        self._backlog = backlog

    def describe(self) -> Iterator[Metric]:
        """Names nothing: a registry would otherwise read Redis to learn the names."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        try:
            backlog = self._backlog.read()
        except QueueUnavailable as error:
            log.warning("redis.unavailable", error=error.message)
            return
        jobs, oldest = family_of(catalogue.QUEUE_JOBS), family_of(catalogue.OLDEST_WAITING)
        for tier in backlog.tiers:
            for state, count in (("waiting", tier.waiting), ("parked", tier.parked), ("held", tier.held)):
                jobs.add_metric([tier.tier, state], count)
            oldest.add_metric([tier.tier], tier.oldest_waiting_seconds)
        workers = family_of(catalogue.WORKERS)
        # One that is silent has no id.
        live = Counter((one.profile or "", str(one.ready).lower()) for one in backlog.workers if one.worker)
        for labels, count in live.items():
            workers.add_metric(labels, count)
        letters, hooks = family_of(catalogue.DEAD_LETTERS), family_of(catalogue.WEBHOOKS_PENDING)
        letters.add_metric([], backlog.dead_letters)
        hooks.add_metric([], backlog.webhooks_pending)
        ends = family_of(catalogue.SIGNER_ENDS)
        if backlog.signer_ends:
            ends.add_metric([], backlog.signer_ends.timestamp())
        yield from (jobs, oldest, workers, letters, hooks, ends)
