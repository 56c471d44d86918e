"""The metrics of an API process: gauges of the whole fleet, and the process's own.

Prometheus' library is loaded once somebody asks for them.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from worker.queue.fleet.backlog import BacklogReader

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class QueueMetrics:
    """Gauges that are read from Redis when they are asked for. docs/operating.md lists the names and labels."""

    def __init__(self, backlog: BacklogReader) -> None:
        self._backlog = backlog

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics in a format that the Accept header asks for, and the content type. While Redis is away, the
        fleet's are missing."""
        from worker.base.observers.prometheus import exposition

        return exposition(self._registry, accept)

    @cached_property
    def _registry(self) -> "CollectorRegistry":
        from worker.base.observers.prometheus import new_registry
        from worker.queue.fleet.gauges import FleetGauges

        registry = new_registry()
        registry.register(FleetGauges(self._backlog))
        return registry
