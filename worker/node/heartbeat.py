"""The heartbeat: renews the leases of the jobs in hand."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from models.errors import QueueUnavailable
from models.record import Stage
from worker.base.periodic import Periodic
from worker.run.held import HeldJob

log = structlog.get_logger()


class Heartbeat(Periodic):
    """Renews the lease of every job that this worker holds, three times in a lease's term."""

    def __init__(self, lease_ttl: float) -> None:
        super().__init__("heartbeat", lease_ttl / 3, self._renew)
        self._held: set[HeldJob] = set()

    @contextmanager
    def keeping(self, held: HeldJob) -> Iterator[None]:
        """Renews the job's lease until the block ends."""
        self._held.add(held)
        try:
            yield
        finally:
            self._held.discard(held)

    def in_hand(self) -> Counter[Stage]:
        """How many jobs this worker holds, by their stage."""
        return Counter(held.stage for held in tuple(self._held))

    def _renew(self) -> None:
        for held in tuple(self._held):
            try:
                held.renew()
            except QueueUnavailable as error:
                log.warning("redis.unavailable", jobId=held.lease.job_id, error=error.message)
