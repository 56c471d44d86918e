"""A worker's metrics for Prometheus. No label has a value that jobs or callers choose."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from models.job import Job
from models.likeness import Judgement, MissedImage
from models.record import JobStatus, Stage, StoredImage
from models.safety import RefusedImage
from worker.base.observers.observer import Observer

# In seconds.
_WAITS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400, 86400)
_STAGES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
_SIMILARITIES = tuple(n / 20 for n in range(4, 20))


def new_registry() -> CollectorRegistry:
    """Creates a registry with the process's own metrics: memory, processor time, descriptors."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


def exposition(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Returns all metrics in a format that the Accept header asks for, and the content type."""
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):
        # A version that is no number.
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class PrometheusMetrics(Observer):
    """A worker's metrics. docs/operating.md lists their names and labels."""

    def __init__(self) -> None:
        self.registry = new_registry()
        self._jobs = self._counter("likeness_jobs", "Jobs that ended.", "status", "code")
        self._early = self._counter(
            "likeness_attempts_ended_early", "Attempts that ended and whose job goes on.", "code"
        )
        self._images = self._counter("likeness_images", "Images, stored or missing the likeness.", "outcome")
        self._refusals = self._counter(
            "likeness_safety_refusals", "Images that the safety gate refused.", "rule"
        )
        self._again = self._counter(
            "likeness_shots_rendered_again", "Shots rendered again since a gate didn't take them."
        )
        self._waits = Histogram(
            "likeness_queue_wait_seconds",
            "From a job's submission until a worker began with it.",
            buckets=_WAITS,
            registry=self.registry,
        )
        self._stages = Histogram(
            "likeness_stage_seconds",
            "How long attempts were at a stage.",
            ["stage"],
            buckets=_STAGES,
            registry=self.registry,
        )
        self._similarities = Histogram(
            "likeness_similarity",
            "Of judged images to the mean of their references, on the embedder's scale.",
            ["outcome"],
            buckets=_SIMILARITIES,
            registry=self.registry,
        )

    def exposition(self, accept: str) -> tuple[bytes, str]:
        return exposition(self.registry, accept)

    def worker_began(
        self, busy_seconds: Callable[[], float], in_hand: Callable[[], Mapping[Stage, int]]
    ) -> None:
        self.registry.register(_Watched(busy_seconds, in_hand))

    def attempt_began(self, job: Job, attempt: int, waited: float | None) -> None:
        if waited is not None:
            self._waits.observe(waited)

    def stage_ended(self, job_id: str, stage: Stage, seconds: float) -> None:
        self._stages.labels(stage).observe(seconds)

    def image_stored(self, job_id: str, image: StoredImage) -> None:
        self._images.labels("stored").inc()
        self._judged(image.judgement)

    def image_missed(self, job_id: str, missed: MissedImage) -> None:
        self._images.labels("missed").inc()
        self._judged(missed.judgement)

    def image_refused(self, job_id: str, refused: RefusedImage) -> None:
        self._refusals.labels(refused.rule.value).inc()

    def shots_rendered_again(self, job_id: str, count: int) -> None:
        self._again.inc(count)

    def attempt_ended_early(self, job_id: str, code: str) -> None:
        self._early.labels(code).inc()

    def job_ended(self, job_id: str, status: JobStatus, code: str = "") -> None:
        self._jobs.labels(status, code).inc()

    def _judged(self, judgement: Judgement | None) -> None:
        if judgement and judgement.scores.centroid is not None:
            self._similarities.labels(judgement.verdict.outcome).observe(judgement.scores.centroid)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self.registry)


class _Watched:
    """A collector that reads its values at each scrape, so that an order that takes minutes shows meanwhile."""

    def __init__(self, busy_seconds: Callable[[], float], in_hand: Callable[[], Mapping[Stage, int]]) -> None:
        self._busy_seconds = busy_seconds
        self._in_hand = in_hand

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "likeness_device_busy_seconds",
            "The device had an order; its rate is the busy share.",
            value=self._busy_seconds(),
        )
        jobs = GaugeMetricFamily("likeness_jobs_in_hand", "Jobs that this worker holds.", labels=["stage"])
        for stage, count in self._in_hand().items():
            jobs.add_metric([stage], count)
        yield jobs
