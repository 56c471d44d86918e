"""The job's record: the envelope that whoever asks gets to read."""

from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt

from models.base import AssetId, Document, InfluencerId, JobId, ProjectId, Sha256, Time
from models.clone import CLONE
from models.errors import LikenessError
from models.influencer import Influencer
from models.likeness import Judgement, SetLikeness
from models.message import JobKind

JobStatus = Literal["running", "completed", "failed", "canceled"]
"""`running` is the only one that isn't final."""

Stage = Literal["queued", "fetching", "rendering", "storing", "finishing", "done"]
"""`queued`: waits for a worker, first or again. `fetching`: a worker has it, gets its references, and may
wait for the device. `finishing`: the manifest is being committed, which can't be canceled any more."""


class JobError(Document):
    """Why a job failed. `code` is stable; `message` is for a person."""

    code: str
    message: str
    retryable: bool = Field(False, description="Whether submitting the work again, under a new id, can help.")
    details: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, error: LikenessError) -> Self:
        return cls(code=error.code, message=error.message, retryable=error.retryable, details=error.details)


class RejectedReference(Document):
    """A reference that could not be used. The job goes on with the others."""

    index: NonNegativeInt = Field(description="Position in the job's `references`.")
    asset_id: AssetId
    code: str
    message: str


class StoredImage(Document):
    """One rendered image in the object store. Sizes are in pixels and bytes."""

    shot: str
    asset_id: AssetId
    key: str
    thumbnail_key: str
    url: str
    thumbnail_url: str
    sha256: Sha256
    thumbnail_sha256: Sha256
    bytes: NonNegativeInt
    width: NonNegativeInt
    height: NonNegativeInt
    seed: NonNegativeInt
    judgement: Judgement | None = Field(
        None, description="How like the references it is. Null: nobody asked."
    )


class JobResult(Document):
    """What a completed job made: the finished row, its images, and the manifest that accounts for them."""

    influencer: Influencer
    images: tuple[StoredImage, ...]
    likeness: SetLikeness | None = None
    manifest_key: str
    manifest_url: str


class JobRecord(Document):
    """The job envelope. `sequence` grows by one with every event; `progress` never falls."""

    job_id: JobId
    kind: JobKind = CLONE
    status: JobStatus
    stage: Stage
    progress: float = Field(ge=0, le=1)
    sequence: NonNegativeInt
    influencer_id: InfluencerId
    project_id: ProjectId
    location_url: str
    attempts: NonNegativeInt = Field(0, description="How often a worker began with the job.")
    cancel_requested: bool = False
    submitted_at: Time
    started_at: Time | None = None
    updated_at: Time
    finished_at: Time | None = None
    expires_at: Time | None = Field(None, description="A job that no worker began with by then fails.")
    rejected_references: tuple[RejectedReference, ...] = ()
    last_error: JobError | None = Field(None, description="Why the latest attempt ended early.")
    result: JobResult | None = None
    error: JobError | None = None

    @property
    def is_final(self) -> bool:
        return self.status != "running"

    @property
    def etag(self) -> str:
        """The entity tag of this state, as HTTP writes it."""
        return f'"{self.sequence}"'


class CancelAnswer(Document):
    """The body of an answer to `POST /v1/jobs/{id}/cancel`."""

    job_id: JobId
    accepted: bool
    reason: Literal["ALREADY_COMPLETED", "ALREADY_FAILED", "ALREADY_CANCELED"] | None = None

    @classmethod
    def too_late(cls, record: JobRecord) -> Self:
        """The answer for a job that is final."""
        return cls.model_validate(
            {"job_id": record.job_id, "accepted": False, "reason": f"ALREADY_{record.status.upper()}"}
        )
