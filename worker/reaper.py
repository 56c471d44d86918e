"""The reaper: finds jobs that nobody works on and nobody will."""

import structlog

from worker.jobs import JobStore
from worker.periodic import Periodic
from worker.queue import JobQueue

log = structlog.get_logger()


class Reaper(Periodic):
    """Sends jobs again whose holder fell silent or whose message never reached the queue, or got lost."""

    def __init__(self, interval: float, store: JobStore, queue: JobQueue) -> None:
        super().__init__("reaper", interval, self._reap)
        self._store = store
        self._queue = queue

    def _reap(self) -> None:
        for waiting in self._store.due():
            # A message that was sent may just be far back in the queue. In an empty queue it is lost.
            if waiting.sent and self._queue.depth() > 0:
                continue
            self._queue.send(waiting)
            log.info("job.sent_again", jobId=waiting.job_id, sentBefore=waiting.sent)
