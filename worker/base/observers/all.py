"""Forwards each hook to all of a worker's observers."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

import structlog

from models.errors import InvalidSettings
from models.job import Job
from models.likeness import MissedImage
from models.operations import WorkerState
from models.record import JobStatus, Stage, StoredImage
from models.safety import RefusedImage
from worker.base.observers.memory import WorkerMemory
from worker.base.observers.observer import Observer

GROUP = "likeness.observers"

log = structlog.get_logger()


class Observers(Observer):
    """Calls each observer, even if others fail."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def worker_began(
        self, busy_seconds: Callable[[], float], in_hand: Callable[[], Mapping[Stage, int]]
    ) -> None:
        self._tell("worker_began", busy_seconds, in_hand)

    def worker_loaded(self, worker: WorkerState, memory: WorkerMemory) -> None:
        self._tell("worker_loaded", worker, memory)

    def attempt_began(self, job: Job, attempt: int, waited: float | None) -> None:
        self._tell("attempt_began", job, attempt, waited)

    def stage_ended(self, job_id: str, stage: Stage, seconds: float) -> None:
        self._tell("stage_ended", job_id, stage, seconds)

    def image_stored(self, job_id: str, image: StoredImage) -> None:
        self._tell("image_stored", job_id, image)

    def image_missed(self, job_id: str, missed: MissedImage) -> None:
        self._tell("image_missed", job_id, missed)

    def image_refused(self, job_id: str, refused: RefusedImage) -> None:
        self._tell("image_refused", job_id, refused)

    def shots_rendered_again(self, job_id: str, count: int) -> None:
        self._tell("shots_rendered_again", job_id, count)

    def attempt_ended_early(self, job_id: str, code: str) -> None:
        self._tell("attempt_ended_early", job_id, code)

    def job_ended(self, job_id: str, status: JobStatus, code: str = "") -> None:
        self._tell("job_ended", job_id, status, code)

    def _tell(self, hook: str, *facts: Any) -> None:
        for observer in self._observers:
            try:
                getattr(observer, hook)(*facts)
            except Exception:
                log.exception("observer.failed", observer=type(observer).__name__, hook=hook)


def added_observers() -> list[Observer]:
    """Creates the observers that other packages add. Raises InvalidSettings if one can't be created: otherwise
    it would be missed too late."""
    made: list[Observer] = []
    for found in entry_points(group=GROUP):
        try:
            made.append(found.load()())
        except Exception as error:
            raise InvalidSettings(
                f"The observer {found.name} ({found.value}) can't be made: {type(error).__name__}: {error}. Mend "
                "it, or uninstall its package."
            ) from error
    return made
