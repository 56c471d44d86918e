"""The reaper: finds jobs that nobody works on and nobody will."""

import structlog

from models.errors import DeadlineExceeded
from worker.jobs import JobStore, WaitingJob
from worker.metrics import Metrics
from worker.periodic import Periodic
from worker.queue import JobQueue

log = structlog.get_logger()


class Reaper(Periodic):
    """Sends jobs again whose holder fell silent or whose message never reached the queue, or got lost.
    Ends those that no worker began with in time."""

    def __init__(
        self, interval: float, store: JobStore, queue: JobQueue, metrics: Metrics | None = None
    ) -> None:
        super().__init__("reaper", interval, self._reap)
        self._store = store
        self._queue = queue
        self._metrics = metrics or Metrics()

    def _reap(self) -> None:
        for job_id in self._store.expire():
            log.warning("job.expired", jobId=job_id, stage="queued")
            self._metrics.job_ended("failed", DeadlineExceeded.code)
        for waiting in self._store.due():
            self._send(waiting, "due")
        overdue = self._store.overdue()
        # A message may just be far back in the queue. It is lost if a later one was claimed, or none is left.
        nothing_queued = bool(overdue) and self._queue.depth() == 0
        for waiting, overtaken in overdue:
            if overtaken or nothing_queued:
                self._send(waiting, "message lost")

    def _send(self, waiting: WaitingJob, why: str) -> None:
        self._queue.send_again(waiting)
        log.info("job.sent_again", jobId=waiting.job_id, stage="queued", why=why)
