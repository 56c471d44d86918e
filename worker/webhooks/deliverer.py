"""The process that delivers webhooks: `likeness webhooks deliver`. It needs Redis and a way out, but no device."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import structlog

from models.errors import QueueUnavailable
from worker.base.endpoint import Endpoint
from worker.base.observers.logs import configure_logs
from worker.base.settings import Settings
from worker.webhooks.outbox import Outbox, Outcome, Try
from worker.webhooks.schedule import outcome_of
from worker.webhooks.sender import Answer, Sender

if TYPE_CHECKING:
    from worker.webhooks.metrics import DeliveryMetrics

log = structlog.get_logger()

# How often to look for due deliveries while there are none, in seconds.
_POLL = 0.25
# In seconds. A call to Redis that hangs, with all its tries, ends before this.
_MOST_SILENCE = 120.0


class Deliverer:
    """Takes due deliveries and tries them, several at once. Any number of these processes share the work.

    If one dies in the middle of a try, another one repeats the try later: a receiver may see a webhook twice,
    always with the same id.
    """

    def __init__(
        self, settings: Settings, sender: Sender | None = None, metrics: "DeliveryMetrics | None" = None
    ) -> None:
        self._outbox = Outbox(settings)
        self._metrics = metrics
        self._turned = time.monotonic()
        self._outage: str | None = "Redis wasn't asked yet"
        self._sender = sender or Sender(settings)
        self._waits = settings.webhook_schedule
        self._threads = settings.webhook_concurrency
        self._free = threading.Semaphore(self._threads)
        # A quarter of the threads is for receivers that answered last time, whatever else hangs.
        self._doubtful = threading.Semaphore(self._threads - self._threads // 4)
        self._stopping = False
        # Set when a try ends: another delivery may go to its receiver now.
        self._ended = threading.Event()

    def run(self) -> None:
        """Delivers until `stop` is called; tries that have begun are finished."""
        log.info("webhooks.ready", threads=self._threads)
        with ThreadPoolExecutor(self._threads, thread_name_prefix="webhook") as executor:
            while not self._stopping:
                self._turned = time.monotonic()
                self._ended.clear()
                if not self._begin_some(executor):
                    self._ended.wait(_POLL)
        log.info("webhooks.stopped")

    def stop(self) -> None:
        """Makes `run` end. Called from a signal handler, so it takes no locks."""
        self._stopping = True

    def live(self) -> list[str]:
        """Reasons to replace the process. An outage of Redis isn't one."""
        silence = time.monotonic() - self._turned
        # A deliverer that stops waits for its last tries.
        if silence > _MOST_SILENCE and not self._stopping:
            return [f"the loop stands still for {silence:.0f} s"]
        return []

    def ready(self) -> list[str]:
        """Reasons why it begins no tries now."""
        reasons = ["stopping"] if self._stopping else []
        if self._outage:
            reasons.append(self._outage)
        return reasons + self.live()

    def _begin_some(self, executor: ThreadPoolExecutor) -> int:
        places, doubtful = _acquired(self._free), _acquired(self._doubtful)
        taken: list[Try] = []
        try:
            if places:
                taken = self._outbox.take(places, doubtful)
                self._outage = None
        except QueueUnavailable as error:
            self._outage = error.message
            log.warning("redis.unavailable", error=error.message)
        _release(self._free, places - len(taken))
        _release(self._doubtful, doubtful - sum(tried.is_doubtful for tried in taken))
        for tried in taken:
            executor.submit(self._deliver, tried)
        return len(taken)

    def _deliver(self, tried: Try) -> None:
        with structlog.contextvars.bound_contextvars(jobId=tried.job_id, webhookId=tried.webhook_id):
            try:
                outcome = self._try(tried)
                noted = self._outbox.note(tried, outcome)
                told = log.info if outcome.state == "delivered" else log.warning
                told(
                    f"webhook.{outcome.state}",
                    tries=tried.number,
                    answer=outcome.answer,
                    wait=round(outcome.delay, 1),
                    noted=noted,
                )
            except QueueUnavailable as error:
                # The delivery becomes due again by itself.
                log.warning("redis.unavailable", error=error.message)
            except Exception:
                log.exception("webhook.unnoted")
            finally:
                self._free.release()
                if tried.is_doubtful:
                    self._doubtful.release()
                self._ended.set()

    def _try(self, tried: Try) -> Outcome:
        try:
            answer = self._sender.send(tried)
        except Exception as error:
            log.exception("webhook.crashed")
            answer = Answer(failure=f"unforeseen {type(error).__name__}; the deliverer's log has more")
        outcome = outcome_of(answer, tried.number, self._waits)
        if self._metrics:
            self._metrics.tried(answer, outcome)
        return outcome


def _acquired(places: threading.Semaphore) -> int:
    """Acquires all free places for the caller, and returns how many."""
    count = 0
    while places.acquire(blocking=False):
        count += 1
    return count


def _release(places: threading.Semaphore, count: int) -> None:
    if count > 0:
        places.release(count)


def run(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT. Raises InvalidSettings if it can't sign."""
    metrics = None
    if settings.http_port is not None:
        from worker.queue.fleet.backlog import BacklogReader
        from worker.webhooks.metrics import DeliveryMetrics

        metrics = DeliveryMetrics(BacklogReader(settings, patient=False))
    deliverer = Deliverer(settings, metrics=metrics)
    configure_logs(settings)
    if metrics and settings.http_port is not None:
        Endpoint(
            settings.http_host,
            settings.http_port,
            live=deliverer.live,
            ready=deliverer.ready,
            metrics=metrics.exposition,
        ).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: deliverer.stop())
    deliverer.run()
