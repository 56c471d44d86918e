"""The hooks of an observer, such as metrics, an audit log or an error tracker."""

from collections.abc import Callable, Mapping

from models.job import Job
from models.likeness import MissedImage
from models.operations import WorkerState
from models.record import JobStatus, Stage, StoredImage
from models.safety import RefusedImage
from worker.base.observers.memory import WorkerMemory


class Observer:
    """Hooks that do nothing; override those that you want.

    A worker creates one instance of each class that an entry point of the group `likeness.observers` names.
    Hooks are called only in the worker's parent process, from any thread, and delay the work that they report: they
    must be quick and thread-safe. An error that one raises is logged, and changes nothing.
    """

    def worker_began(
        self, busy_seconds: Callable[[], float], in_hand: Callable[[], Mapping[Stage, int]]
    ) -> None:
        """A worker begins. Its arguments can be called at any time. They return the device's busy seconds so far,
        and the number of jobs in hand by stage."""

    def worker_loaded(self, worker: WorkerState, memory: WorkerMemory) -> None:
        """The worker's profile is loaded, and it is about to take jobs. `memory` can be asked at any time."""

    def attempt_began(self, job: Job, attempt: int, waited: float | None) -> None:
        """An attempt at a job begins; the first one is 1. `waited`: the seconds that the job was on the queue
        before its first attempt; None in later ones."""

    def stage_ended(self, job_id: str, stage: Stage, seconds: float) -> None:
        """An attempt leaves a stage: it enters the next one, or ends."""

    def image_stored(self, job_id: str, image: StoredImage) -> None:
        """An image is in the store."""

    def image_missed(self, job_id: str, missed: MissedImage) -> None:
        """The likeness gate rejected an image."""

    def image_refused(self, job_id: str, refused: RefusedImage) -> None:
        """The safety gate refused an image. Nothing of it is stored."""

    def shots_rendered_again(self, job_id: str, count: int) -> None:
        """`count` shots are rendered again, since a gate rejected them."""

    def attempt_ended_early(self, job_id: str, code: str) -> None:
        """An attempt ended, but its job continues. `code` is an error's code, WORKER_DRAINS or LEASE_EXPIRED."""

    def job_ended(self, job_id: str, status: JobStatus, code: str = "") -> None:
        """A job is final. `code` is its error's code, if it has one."""
