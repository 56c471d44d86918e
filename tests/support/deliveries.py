"""Jobs that end, and deliverers that tell of it."""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from models.job import CloneJob, CloneRequest, ReferenceSource
from models.record import JobError
from models.webhook import Delivery
from tests.support.jobs.stored import SOURCE, claimed, result_of
from tests.support.servers.receiver import SECRET, Receiver
from worker.base.settings import Settings
from worker.client import plan_clone
from worker.queue.jobs import JobStore
from worker.webhooks.deliverer import Deliverer
from worker.webhooks.outbox import Outbox
from worker.webhooks.sender import Sender

OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret of 32 bytes......").decode()

StartReceiver = Callable[..., Receiver]


def job_for(url: str | None, **optional: Any) -> CloneJob:
    return plan_clone(
        SOURCE,
        CloneRequest(name="Nova B"),
        [ReferenceSource(asset_id="med_1")],
        ["front"],
        callback_url=url,
        **optional,
    )


def to(receiver: Receiver, settings: Settings, **changes: Any) -> Settings:
    """Settings that may send to the receiver, and hardly wait between tries."""
    quick: dict[str, Any] = {
        "webhook_secrets": SECRET,
        "webhook_schedule": (0.05, 0.05, 0.05),
        "webhook_timeout": 5,
    }
    fields = settings.model_dump() | quick | {"allow_http_to": receiver.address} | changes
    return Settings(**fields)


@contextmanager
def delivering(settings: Settings, sender: Sender | None = None) -> Iterator[Outbox]:
    deliverer = Deliverer(settings, sender)
    thread = threading.Thread(target=deliverer.run)
    thread.start()
    try:
        yield Outbox(settings)
    finally:
        deliverer.stop()
        thread.join()


def end(settings: Settings, job: CloneJob, error: JobError | None = None) -> JobStore:
    store = JobStore(settings)
    lease = claimed(store, job)
    if error:
        store.fail(lease, error)
    else:
        store.complete(lease, result_of(job))
    return store


def settled(outbox: Outbox, job: CloneJob, timeout: float = 20) -> Delivery:
    """The job's delivery once nobody tries it any more."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        (delivery,) = [d for d in outbox.deliveries() if d.job_id == job.job_id]
        if delivery.state != "pending":
            return delivery
        time.sleep(0.02)
    raise AssertionError(outbox.deliveries())
