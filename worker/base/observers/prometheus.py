"""A worker's metrics for Prometheus. No label has a value that jobs or callers choose."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from models.job import Job
from models.likeness import Judgement, MissedImage
from models.operations import WorkerState
from models.record import JobStatus, Stage, StoredImage
from models.safety import RefusedImage, SafetyRule
from worker.base.observers import catalogue
from worker.base.observers.catalogue import Spec
from worker.base.observers.memory import WorkerMemory, memory_limit, unreclaimable
from worker.base.observers.observer import Observer
from worker.base.observers.service_errors import counted

# In seconds.
_WAITS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400, 86400)
_STAGES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
_SIMILARITIES = tuple(n / 20 for n in range(4, 20))


def new_registry() -> CollectorRegistry:
    """Creates a registry with what every process has: its memory, processor time and descriptors, and its failed
    calls to services."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_ServiceErrors())
    return registry


def counter_of(spec: Spec, registry: CollectorRegistry) -> Counter:
    return Counter(spec.name, spec.help, spec.labels, registry=registry)


def family_of(spec: Spec) -> GaugeMetricFamily | CounterMetricFamily:
    """A family for a collector that reads its values when they are asked for."""
    kind = GaugeMetricFamily if spec.kind == "gauge" else CounterMetricFamily
    return kind(spec.name, spec.help, labels=spec.labels)


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
        self._jobs = counter_of(catalogue.JOBS, self.registry)
        self._early = counter_of(catalogue.ENDED_EARLY, self.registry)
        self._images = counter_of(catalogue.IMAGES, self.registry)
        self._refusals = counter_of(catalogue.REFUSALS, self.registry)
        # A share of images needs both from the start.
        for outcome in ("stored", "missed"):
            self._images.labels(outcome)
        for rule in SafetyRule:
            self._refusals.labels(rule.value)
        self._again = counter_of(catalogue.RENDERED_AGAIN, self.registry)
        self._waits = self._histogram(catalogue.QUEUE_WAIT, _WAITS)
        self._stages = self._histogram(catalogue.STAGES, _STAGES)
        self._similarities = self._histogram(catalogue.SIMILARITY, _SIMILARITIES)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        return exposition(self.registry, accept)

    def worker_began(
        self, busy_seconds: Callable[[], float], in_hand: Callable[[], Mapping[Stage, int]]
    ) -> None:
        self.registry.register(_Watched(busy_seconds, in_hand))

    def worker_loaded(self, worker: WorkerState, memory: WorkerMemory) -> None:
        self.registry.register(_Loaded(worker, memory))

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

    def _histogram(self, spec: Spec, buckets: Sequence[float]) -> Histogram:
        return Histogram(spec.name, spec.help, spec.labels, buckets=buckets, registry=self.registry)


class _Watched:
    """A collector that reads its values at each scrape, so that an order that takes minutes shows meanwhile."""

    def __init__(self, busy_seconds: Callable[[], float], in_hand: Callable[[], Mapping[Stage, int]]) -> None:
        self._busy_seconds = busy_seconds
        self._in_hand = in_hand

    def collect(self) -> Iterator[Metric]:
        busy = family_of(catalogue.DEVICE_BUSY)
        busy.add_metric([], self._busy_seconds())
        jobs = family_of(catalogue.JOBS_IN_HAND)
        for stage, count in self._in_hand().items():
            jobs.add_metric([stage], count)
        yield from (busy, jobs)


class _Loaded:
    """A collector for a worker whose profile is loaded: what it is, and the memory that it takes."""

    def __init__(self, worker: WorkerState, memory: WorkerMemory) -> None:
        self._labels = (worker.profile or "", worker.device or "", worker.version or "")
        self._memory = memory

    def collect(self) -> Iterator[Metric]:
        info = family_of(catalogue.WORKER_INFO)
        info.add_metric(self._labels, 1)
        taken, limit = family_of(catalogue.MEMORY), family_of(catalogue.MEMORY_LIMIT)
        for name, pid in self._memory.pids().items():
            if pid is not None:
                taken.add_metric([name], unreclaimable(pid))
        limit.add_metric([], memory_limit())
        device = family_of(catalogue.DEVICE_MEMORY)
        if found := self._memory.device():
            for kind, value in (("total", found.total), ("used", found.used), ("peak", found.peak)):
                device.add_metric([kind], value)
        yield from (info, taken, limit, device)


class _ServiceErrors:
    def collect(self) -> Iterator[Metric]:
        errors = family_of(catalogue.SERVICE_ERRORS)
        for labels, count in counted().items():
            errors.add_metric(labels, count)
        yield errors
