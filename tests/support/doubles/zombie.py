"""A worker that is stopped between its last look at a job's lease and the write that follows.

    python -m tests.support.doubles.zombie JOB KEY [JOB KEY …]

Of each job, as JSON, it stops itself when it is about to put the first object whose key ends like that.
"""

import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from models.job import CloneJob
from models.record import JobResult
from tests.support.jobs.gated import Device, Fetcher
from tests.support.jobs.node import DoubleNode
from worker.base.settings import Settings, settings
from worker.node.consuming.messages import handle
from worker.run.held import HeldJob
from worker.run.run import run_job
from worker.run.steps import Equipment
from worker.storage import Storage

LEASE_TTL = 0.3


class _StoppingStorage(Storage):
    stop_at = ""

    def put_image(self, key: str, *args: Any) -> str:
        self._stop(key)
        return super().put_image(key, *args)

    def put_json(self, key: str, document: str) -> str:
        self._stop(key)
        return super().put_json(key, document)

    def _stop(self, key: str) -> None:
        if self.stop_at and key.endswith(self.stop_at):
            self.stop_at = ""
            os.kill(os.getpid(), signal.SIGSTOP)


def node_of(configured: Settings, storage: Storage) -> Any:
    """A node whose device makes an image in no time. All the rest of a run is real."""
    node = DoubleNode(configured.model_copy(update={"lease_ttl": LEASE_TTL}), storage)
    node.attempt = _attempt(node)
    return node


def _attempt(node: DoubleNode) -> Callable[[CloneJob, HeldJob], JobResult]:
    double: Any = (Device(), Fetcher())

    def attempt(job: CloneJob, held: HeldJob) -> JobResult:
        with ThreadPoolExecutor(1) as pool:
            return run_job(job, held, Equipment(double[0], node.images, double[1], pool, pool), None)

    return attempt


if __name__ == "__main__":
    storage = _StoppingStorage(settings())
    node = node_of(settings(), storage)
    for job, storage.stop_at in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        handle(node, CloneJob.parse(job).to_data())
