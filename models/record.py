"""The job's record: the envelope that callers read."""

from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt

from models.base import AssetId, Document, InfluencerId, JobId, ProjectId, Sha256, Time
from models.clone import CLONE
from models.errors import LikenessError
from models.influencer import Influencer
from models.likeness import Judgement, SetLikeness
from models.message import JobKind
from models.safety import SafetyReading, SetSafety
from models.source_type import SourceType
from models.watermark import HiddenNumber

JobStatus = Literal["running", "completed", "failed", "canceled"]
"""`running` is the only status that isn't final."""

Stage = Literal["queued", "fetching", "rendering", "storing", "finishing", "done"]
"""`queued`: the job waits for a worker, for the first time or again. `fetching`: a worker has it, fetches its
references, and may wait for the device. `finishing`: the manifest is being committed; a cancel comes too late."""


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


NOT_CARRIED = "NOT_CARRIED"
"""A note's code: none of the reference's pixels were carried into the images, even if they are composites."""

NOT_USED = "NOT_USED"
"""A note's code: the reference had no effect on the images."""


class NotedReference(Document):
    """A reference that conditioned the images less than it could have, or not at all. It isn't rejected."""

    index: NonNegativeInt = Field(
        description="Position in the job's `references`. 0 is a made-up person's anchor."
    )
    asset_id: AssetId
    code: str = Field(
        description="`NOT_CARRIED`: its pixels are in no image. `NOT_USED`: the model didn't get it. "
        "Profiles may have other codes."
    )
    message: str = Field(description="Why, such as `turned too far: 52 degrees`.")


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
    digital_source_type: SourceType = SourceType.GENERATED
    judgement: Judgement | None = Field(
        None, description="How like the references it is. Null: nobody asked."
    )
    safety: SafetyReading | None = Field(None, description="The safety gate's. Null: nobody looked.")
    watermark: HiddenNumber | None = Field(
        None, description="The number in its pixels, and in its thumbnail's. Null: there is none."
    )


class JobResult(Document):
    """The output of a completed job: the finished row, its images, and the manifest that accounts for them."""

    influencer: Influencer
    images: tuple[StoredImage, ...]
    digital_source_type: SourceType = Field(
        SourceType.GENERATED, description="Of the set: a composite if any image is."
    )
    profile: str | None = Field(
        None, description="What rendered the images; `fake` drew placeholders. Null in older results."
    )
    likeness: SetLikeness | None = None
    safety: SetSafety | None = None
    manifest_key: str
    manifest_url: str


class Asked(Document):
    """What a job was asked for."""

    name: str | None = Field(None, description="Of the persona whose images these are.")
    source_influencer_id: InfluencerId | None = Field(None, description="Who is cloned.")
    shots: tuple[str, ...] = Field((), description="In the order in which the result has them.")

    @classmethod
    def of(cls, message: dict[str, Any]) -> Self:
        """`message`: a job's, as JSON data of any kind."""
        persona = message.get("source") or message.get("persona") or {}
        return cls(
            name=message.get("name") or persona.get("name"),
            source_influencer_id=persona.get("influencerId") if "source" in message else None,
            shots=tuple(message.get("shots", ())),
        )


class StageTimes(Document):
    """When a job entered each stage, in its latest attempt. `queued` is the latest time that it began to wait; what
    an attempt hasn't reached is left out. A job is `done` at its `finishedAt`."""

    queued: Time | None = None
    fetching: Time | None = None
    rendering: Time | None = None
    storing: Time | None = None
    finishing: Time | None = None


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
    asked: Asked | None = None
    attempts: NonNegativeInt = Field(0, description="How often a worker began with the job.")
    worker: str | None = Field(
        None, description="The worker that has the job, or had it last: an id that operators can look up."
    )
    queue_place: PositiveInt | None = Field(
        None,
        description="An estimate of the job's place among those that wait, 1 for the next one. Only the API's "
        "answers have it, and only while the job is on a queue.",
    )
    stage_times: StageTimes | None = None
    cancel_requested: bool = False
    submitted_at: Time
    started_at: Time | None = None
    updated_at: Time
    finished_at: Time | None = None
    expires_at: Time | None = Field(None, description="A job that no worker began with by then fails.")
    rejected_references: tuple[RejectedReference, ...] = ()
    reference_notes: tuple[NotedReference, ...] = ()
    last_error: JobError | None = Field(None, description="Why the latest attempt ended early.")
    result: JobResult | None = None
    error: JobError | None = None

    @property
    def is_final(self) -> bool:
        return self.status != "running"

    @property
    def etag(self) -> str:
        """The entity tag of this state, as HTTP writes it."""
        place = "" if self.queue_place is None else f"-{self.queue_place}"
        return f'"{self.sequence}{place}"'


class CancelAnswer(Document):
    """The body of the answer to `POST /v1/jobs/{id}/cancel`."""

    job_id: JobId
    accepted: bool
    reason: Literal["ALREADY_COMPLETED", "ALREADY_FAILED", "ALREADY_CANCELED"] | None = None

    @classmethod
    def too_late(cls, record: JobRecord) -> Self:
        """The answer for a job that is already final."""
        return cls.read_fields(
            {"job_id": record.job_id, "accepted": False, "reason": f"ALREADY_{record.status.upper()}"}
        )
