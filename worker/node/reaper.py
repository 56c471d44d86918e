"""The reaper: finds jobs that no worker works on, and sends them again."""

import structlog

from models.errors import DeadlineExceeded
from worker.base.observers.observer import Observer
from worker.base.periodic import Periodic
from worker.queue.jobs import JobStore, WaitingJob
from worker.queue.queue import JobQueue

log = structlog.get_logger()


class Reaper(Periodic):
    """Sends a job again if its holder fell silent, or its message got lost or never reached the queue.
    Fails jobs that no worker began in time. Sends parked jobs once there is room."""

    def __init__(
        self, interval: float, store: JobStore, queue: JobQueue, observer: Observer | None = None
    ) -> None:
        super().__init__("reaper", interval, self._reap)
        self._store = store
        self._queue = queue
        self._observer = observer or Observer()

    def _reap(self) -> None:
        for job_id in self._store.expire():
            log.warning("job.expired", jobId=job_id, stage="queued")
            self._observer.job_ended(job_id, "failed", DeadlineExceeded.code)
        for waiting in self._store.due():
            if waiting.lost_holder:
                # Its holder may be dead, so nobody else counts it.
                self._observer.attempt_ended_early(waiting.job_id, "LEASE_EXPIRED")
            self._send(waiting, "due")
        overdue = self._store.overdue()
        depths = self._queue.depths() if overdue else {}
        for waiting, overtaken in overdue:
            # A message may just be far back in its queue. It is lost if a later one of that queue was claimed, or
            # if the queue is empty.
            if waiting.lane not in depths:
                self._send(waiting, "queue is no tier's")
            elif overtaken or depths[waiting.lane] == 0:
                self._send(waiting, "message lost", had_its_turn=True)
        self._queue.send_parked()

    def _send(self, waiting: WaitingJob, why: str, *, had_its_turn: bool = False) -> None:
        send = self._queue.send_again if waiting.is_begun or had_its_turn else self._queue.send
        send(waiting)
        log.info("job.sent_again", jobId=waiting.job_id, stage="queued", why=why)
