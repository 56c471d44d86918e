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
    Ends those that no worker began with in time. Sends parked jobs once there is room."""

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
            if waiting.is_begun:
                self._queue.send_again(waiting)
            else:
                self._queue.send(waiting)
            self._tell(waiting, "due")
        overdue = self._store.overdue()
        depths = self._queue.depths() if overdue else {}
        for waiting, overtaken in overdue:
            # A message may just be far back in its queue. It is lost if a later one of that queue was claimed, or
            # none is left; and in the queue of a tier that is no more, nobody listens.
            if overtaken or not depths.get(waiting.lane):
                self._queue.send_again(waiting)
                self._tell(waiting, "message lost")
        self._queue.send_parked()

    def _tell(self, waiting: WaitingJob, why: str) -> None:
        log.info("job.sent_again", jobId=waiting.job_id, stage="queued", why=why)
