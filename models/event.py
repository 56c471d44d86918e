"""Events published while a job runs. The events of a job are numbered from 1, without gaps."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from models.base import Document, JobId, Time
from models.likeness import MissedImage
from models.record import (
    JobError,
    JobResult,
    JobStatus,
    NotedReference,
    RejectedReference,
    Stage,
    StoredImage,
)
from models.safety import RefusedImage

EventType = Literal[
    "job.submitted",
    "job.started",
    "job.stage",
    "job.reference_rejected",
    "job.reference_noted",
    "job.progress",
    "job.image_stored",
    "job.image_missed",
    "job.image_refused",
    "job.cancel_requested",
    "job.requeued",
    "job.completed",
    "job.failed",
    "job.canceled",
]

TERMINAL_EVENTS: frozenset[EventType] = frozenset(("job.completed", "job.failed", "job.canceled"))


class JobEvent(Document):
    """One event of a job. `status`, `stage` and `progress` are the record's values after this event."""

    type: EventType
    job_id: JobId
    sequence: PositiveInt
    at: Time
    status: JobStatus
    stage: Stage
    progress: float = Field(ge=0, le=1)
    attempt: PositiveInt | None = Field(None, description="job.started: which attempt this is.")
    shot: str | None = Field(None, description="job.progress: the shot on the device.")
    step: NonNegativeInt | None = Field(None, description="job.progress: denoising steps done of `steps`.")
    steps: PositiveInt | None = None
    reason: str | None = Field(None, description="job.requeued: why the attempt ended early.")
    reference: RejectedReference | None = None
    noted: NotedReference | None = None
    image: StoredImage | None = None
    missed: MissedImage | None = Field(None, description="job.image_missed: what wasn't taken, and why.")
    refused: RefusedImage | None = Field(
        None, description="job.image_refused: what the safety gate refused, and by which rule."
    )
    result: JobResult | None = None
    error: JobError | None = None

    @property
    def is_terminal(self) -> bool:
        return self.type in TERMINAL_EVENTS
