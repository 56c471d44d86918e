"""All metrics: their names, labels and meanings. Whatever counts or measures takes its metric from here."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
Process = Literal["worker", "deliverer", "api"]


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric. No label has a value that jobs, callers or receivers choose."""

    name: str
    """As Prometheus stores it; a histogram's has no suffix."""
    kind: Kind
    labels: tuple[str, ...]
    served_by: tuple[Process, ...]
    help: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its time series."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)


def _worker(name: str, kind: Kind, help_text: str, *labels: str) -> Spec:
    return Spec(name, kind, labels, ("worker",), help_text)


def _fleet(name: str, help_text: str, *labels: str) -> Spec:
    return Spec(name, "gauge", labels, ("deliverer", "api"), help_text)


JOBS = _worker("likeness_jobs_total", "counter", "Jobs that ended.", "status", "code")
JOBS_IN_HAND = _worker("likeness_jobs_in_hand", "gauge", "Jobs that this worker holds.", "stage")
QUEUE_WAIT = _worker(
    "likeness_queue_wait_seconds", "histogram", "From a job's submission until a worker began with it."
)
STAGES = _worker("likeness_stage_seconds", "histogram", "How long attempts were at a stage.", "stage")
ENDED_EARLY = _worker(
    "likeness_attempts_ended_early_total", "counter", "Attempts that ended and whose job goes on.", "code"
)
IMAGES = _worker("likeness_images_total", "counter", "Images, stored or missing the likeness.", "outcome")
RENDERED_AGAIN = _worker(
    "likeness_shots_rendered_again_total", "counter", "Shots rendered again since a gate didn't take them."
)
REFUSALS = _worker(
    "likeness_safety_refusals_total", "counter", "Images that the safety gate refused.", "rule"
)
SIMILARITY = _worker(
    "likeness_similarity",
    "histogram",
    "Of judged images to the mean of their references, on the embedder's scale.",
    "outcome",
)
DEVICE_BUSY = _worker(
    "likeness_device_busy_seconds_total", "counter", "The device had an order; its rate is the busy share."
)
WORKER_INFO = _worker(
    "likeness_worker_info", "gauge", "Always 1; what this worker is.", "profile", "device", "version"
)
MEMORY = _worker(
    "likeness_memory_bytes",
    "gauge",
    "Memory of the worker's processes that the kernel can't reclaim.",
    "process",
)
MEMORY_LIMIT = _worker(
    "likeness_memory_limit_bytes", "gauge", "What all processes of the worker's container may take."
)
DEVICE_MEMORY = _worker("likeness_device_memory_bytes", "gauge", "Memory of the CUDA device.", "kind")
SERVICE_ERRORS = Spec(
    "likeness_service_errors_total",
    "counter",
    ("service", "code"),
    ("worker", "deliverer", "api"),
    "Calls to the object store and to Redis that failed in all their tries.",
)
WEBHOOK_TRIES = Spec(
    "likeness_webhook_tries_total",
    "counter",
    ("state", "answer"),
    ("deliverer",),
    "Tries, by what became of the delivery and by what came back.",
)
QUEUE_JOBS = _fleet("likeness_queue_jobs", "Jobs that aren't final, by what they wait for.", "tier", "state")
OLDEST_WAITING = _fleet(
    "likeness_oldest_waiting_seconds", "How long ago the oldest message was sent.", "tier"
)
WORKERS = _fleet("likeness_workers", "Live workers.", "profile", "ready")
DEAD_LETTERS = _fleet("likeness_dead_letters", "Dead letters that are kept.")
WEBHOOKS_PENDING = _fleet("likeness_webhooks_pending", "Deliveries of webhooks that aren't over.")
SIGNER_ENDS = _fleet(
    "likeness_signer_ends_timestamp_seconds", "When the certificate that images are signed with ends."
)

ALL: tuple[Spec, ...] = tuple(one for one in list(globals().values()) if isinstance(one, Spec))
