"""What a worker counts as it goes. Nothing is counted, nor imported for it, unless somebody can ask."""

from collections.abc import Callable, Mapping

from models.likeness import Judgement
from models.record import JobStatus, Stage
from worker.base.settings import Settings


class Metrics:
    """Hooks that do nothing. They're called by the parent process alone, from any thread, and never raise."""

    def watch(self, busy_seconds: Callable[[], float], in_hand: Callable[[], Mapping[Stage, int]]) -> None:
        """What is asked for when somebody looks: the device's busy seconds so far, and the jobs in hand."""

    def exposition(self, accept: str) -> tuple[bytes, str]:  # noqa: ARG002 - the real ones read it
        """All of it in a format that the HTTP header `accept` asks for, and its content type."""
        return b"", "text/plain"

    def job_waited(self, seconds: float) -> None:
        """A worker begins with a job, for the first time, so long after it was submitted."""

    def stage_ended(self, stage: Stage, seconds: float) -> None:
        """An attempt leaves a stage, for the next one or at its end."""

    def job_ended(self, status: JobStatus, code: str = "") -> None:
        """A job is final. `code` is its error's."""

    def attempt_ended_early(self, code: str) -> None:
        """An attempt ended and its job goes on. `code` is an error's, WORKER_DRAINS or LEASE_EXPIRED."""

    def image_stored(self, judgement: Judgement | None) -> None:
        """An image is in the store."""

    def image_missed(self, judgement: Judgement) -> None:
        """The gate didn't take an image."""

    def shots_rendered_again(self, count: int) -> None:
        """So many shots go to the device once more because the gate didn't take them."""


def metrics_of(settings: Settings) -> Metrics:
    """Those that the endpoint serves, or those that do nothing."""
    if settings.http_port is None:
        return Metrics()
    from worker.base.observers.prometheus import PrometheusMetrics

    return PrometheusMetrics()
