"""The process that delivers webhooks: `likeness webhooks deliver`. It needs Redis and a way out; no device."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import structlog

from models.errors import QueueUnavailable
from worker.logs import configure_logs
from worker.settings import Settings
from worker.webhooks.outbox import Outbox, Outcome, Try
from worker.webhooks.schedule import outcome_of
from worker.webhooks.sender import Answer, Sender

log = structlog.get_logger()

# How often to look for due deliveries while there are none, in seconds.
_POLL = 0.25


class Deliverer:
    """Takes due deliveries and tries them, several at once. Any number of these processes share the work.

    One that dies in the middle of a try leaves a delivery that is tried again, by whoever comes next: a receiver
    may see a webhook twice, always with the same id.
    """

    def __init__(self, settings: Settings, sender: Sender | None = None) -> None:
        self._outbox = Outbox(settings)
        self._sender = sender or Sender(settings)
        self._waits = settings.webhook_schedule
        self._threads = settings.webhook_concurrency
        self._free = threading.Semaphore(self._threads)
        self._stopping = False
        # A try ended: another delivery may go to its receiver now.
        self._ended = threading.Event()

    def run(self) -> None:
        """Deliver until `stop`; tries that have begun come to their end."""
        log.info("webhooks.ready", threads=self._threads)
        with ThreadPoolExecutor(self._threads, thread_name_prefix="webhook") as executor:
            while not self._stopping:
                self._ended.clear()
                if not self._begin_some(executor):
                    self._ended.wait(_POLL)
        log.info("webhooks.stopped")

    def stop(self) -> None:
        """Called from a signal handler, so it takes no locks."""
        self._stopping = True

    def _begin_some(self, executor: ThreadPoolExecutor) -> int:
        places = 0
        while self._free.acquire(blocking=False):
            places += 1
        taken: list[Try] = []
        try:
            taken = self._outbox.take(places) if places else []
        except QueueUnavailable as error:
            log.warning("redis.unavailable", error=error.message)
        if places > len(taken):
            self._free.release(places - len(taken))
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
                # The delivery comes up again by itself.
                log.warning("redis.unavailable", error=error.message)
            except Exception:
                log.exception("webhook.unnoted")
            finally:
                self._free.release()
                self._ended.set()

    def _try(self, tried: Try) -> Outcome:
        try:
            answer = self._sender.send(tried)
        except Exception as error:
            log.exception("webhook.crashed")
            answer = Answer(failure=f"unforeseen {type(error).__name__}; the deliverer's log has more")
        return outcome_of(answer, tried.number, self._waits)


def run(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT. Raises InvalidSettings if it can't sign."""
    deliverer = Deliverer(settings)
    configure_logs(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: deliverer.stop())
    deliverer.run()
