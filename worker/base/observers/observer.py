"""The hooks of an observer, such as metrics, an audit log or an error tracker."""

from collections.abc import Callable, Mapping

from models.job import Job
from models.likeness import MissedImage
from models.record import JobStatus, Stage, StoredImage


class Observer:
    """Hooks that do nothing; override those that you want.

    A worker makes one of each class that an entry point of the group `likeness.observers` names. Hooks are called
    in the worker's parent process alone, from any thread, and hold up what they tell of: be quick, and be
    thread-safe. What one raises is logged, and changes nothing.
    """

    def worker_began(
        self, busy_seconds: Callable[[], float], in_hand: Callable[[], Mapping[Stage, int]]
    ) -> None:
        """A worker begins. The arguments may be called at any time: the device's busy seconds so far, and the
        number of jobs in hand by stage."""

    def attempt_began(self, job: Job, attempt: int, waited: float | None) -> None:
        """An attempt at a job begins, the first one being 1. `waited`: how many seconds the job was on the queue
        before its first attempt; null in later ones."""

    def stage_ended(self, job_id: str, stage: Stage, seconds: float) -> None:
        """An attempt leaves a stage, for the next one or at its end."""

    def image_stored(self, job_id: str, image: StoredImage) -> None:
        """An image is in the store."""

    def image_missed(self, job_id: str, missed: MissedImage) -> None:
        """The gate didn't take an image."""

    def shots_rendered_again(self, job_id: str, count: int) -> None:
        """So many shots go to the device once more, since the gate didn't take them."""

    def attempt_ended_early(self, job_id: str, code: str) -> None:
        """An attempt ended and its job goes on. `code` is an error's, WORKER_DRAINS or LEASE_EXPIRED."""

    def job_ended(self, job_id: str, status: JobStatus, code: str = "") -> None:
        """A job is final. `code` is its error's."""
