"""The documents of the API, as JSON has them: what the client's users read most. The API may add fields, and newer
ones have more; all are in the dictionaries."""

from typing import Any, Literal, NotRequired, TypedDict

Gender = Literal["male", "female", "nonbinary", "unspecified"]
JobStatus = Literal["running", "completed", "failed", "canceled"]
Subject = Literal["person", "any"]


class Me(TypedDict):
    organisation: str
    keyId: str
    scopes: list[str]


class ReferenceImage(TypedDict):
    assetId: str
    url: str
    thumbnailUrl: NotRequired[str]
    addedAt: str


class Failure(TypedDict):
    """Why a job failed: a stable code, and a sentence that says what to do."""

    code: str
    message: str


class JobError(Failure):
    """The same in a job's record. `retryable`: another attempt may help."""

    retryable: bool
    details: NotRequired[dict[str, Any]]


class ReferenceOrigin(TypedDict):
    """Whose face the references show, as it was stated: nobody's (`synthetic`), or a person's, who agreed to it."""

    kind: Literal["synthetic", "consented"]
    statedBy: NotRequired[str]
    statedAt: NotRequired[str]


class InfluencerJob(TypedDict):
    """The latest job for a persona's images. `error` is None unless it failed."""

    jobId: str
    kind: str
    status: JobStatus
    error: Failure | None


class Influencer(TypedDict):
    """A persona. `job` is that of one that is pending, training or failed; `sourceInfluencerId` says whom it was
    cloned from."""

    influencerId: str
    projectId: str
    name: str
    status: Literal["draft", "pending", "training", "ready", "failed", "deleted"]
    gender: Gender
    ageRange: NotRequired[str]
    ethnicity: NotRequired[str]
    bodyType: NotRequired[str]
    hairColor: NotRequired[str]
    hairStyle: NotRequired[str]
    style: NotRequired[str]
    vibe: NotRequired[str]
    personality: dict[str, Any]
    referenceOrigin: NotRequired[ReferenceOrigin]
    thumbnailUrl: NotRequired[str]
    referenceImages: list[ReferenceImage]
    sourceInfluencerId: str | None
    job: InfluencerJob | None
    createdAt: str
    updatedAt: str


class StartedJob(TypedDict):
    jobId: str
    kind: str
    status: Literal["running"]
    influencerId: str
    locationUrl: str


class Project(TypedDict):
    """A project. One that was just created with more than a name has its first persona, and the job for its
    images."""

    projectId: str
    name: str
    createdAt: str
    influencer: NotRequired[Influencer]
    job: NotRequired[StartedJob]


class Selection(TypedDict):
    """A persona as it was when it was selected for a project's content."""

    selectionId: str
    createdAt: str
    projectId: str
    influencerId: str
    name: str
    personality: dict[str, Any]
    referenceImages: list[ReferenceImage]


class Asset(TypedDict):
    assetId: str
    projectId: str
    url: str
    thumbnailUrl: str | None
    createdAt: str


class SignedBy(TypedDict):
    """The certificate of whoever signed a picture."""

    name: NotRequired[str]
    organization: NotRequired[str]
    issuer: NotRequired[str]
    validFrom: NotRequired[str]
    validUntil: NotRequired[str]
    signedAt: NotRequired[str]
    trust: Literal["trusted", "development", "untrusted"]


class HiddenNumber(TypedDict):
    """A number in an image's pixels, in hexadecimal, and what hides it there."""

    algorithm: str
    number: str


class WatermarkedImage(TypedDict):
    """A rendered image of yours, whose watermark a picture has. `isStored`: whether it is still there."""

    jobId: str
    projectId: str
    influencerId: str
    assetId: str
    shot: str
    createdAt: str
    isStored: bool
    influencerDeletedAt: NotRequired[str]


class WatermarkFinding(TypedDict):
    """What is in a picture's pixels. Without `found`, nobody could look: `reason` says why."""

    found: NotRequired[bool]
    reason: NotRequired[str]
    lookedFor: list[str]
    hidden: NotRequired[HiddenNumber]
    asSigned: NotRequired[bool]
    images: NotRequired[list[WatermarkedImage]]


class Provenance(TypedDict):
    """What a picture states about itself, and the watermark in its pixels. Except for the latter, the verdict, the
    problems and what XMP says, it is as reliable as the verdict."""

    verdict: Literal["valid", "signer_refused", "unsigned", "content_changed", "manifest_changed"]
    problems: list[str]
    signedBy: NotRequired[SignedBy]
    software: NotRequired[str]
    sourceType: NotRequired[str]
    xmpSourceType: NotRequired[str]
    ingredients: list[dict[str, Any]]
    render: NotRequired[dict[str, Any]]
    signedWatermark: NotRequired[HiddenNumber]
    watermark: NotRequired[WatermarkFinding]


class StoredImage(TypedDict):
    """An image that a job rendered. `judgement` and `safety`: what the two gates say of it, if they are on.
    `watermark`: the number in its pixels."""

    shot: str
    assetId: str
    url: str
    thumbnailUrl: str
    sha256: str
    bytes: int
    width: int
    height: int
    seed: int
    digitalSourceType: str
    judgement: NotRequired[dict[str, Any]]
    safety: NotRequired[dict[str, Any]]
    watermark: NotRequired[HiddenNumber]


class JobResult(TypedDict):
    influencer: dict[str, Any]
    images: list[StoredImage]
    digitalSourceType: str
    manifestUrl: str
    profile: NotRequired[str]
    likeness: NotRequired[dict[str, Any]]
    safety: NotRequired[dict[str, Any]]


class Asked(TypedDict):
    """What a job was asked for."""

    shots: list[str]
    name: NotRequired[str]
    sourceInfluencerId: NotRequired[str]


class Job(TypedDict):
    """A job's record. `result`: of a completed one. `error`: of a failed one. `queuePlace`: an estimate for one
    that waits, 1 for the next."""

    jobId: str
    kind: str
    status: JobStatus
    stage: str
    progress: float
    sequence: int
    influencerId: str
    projectId: str
    locationUrl: str
    asked: NotRequired[Asked]
    attempts: int
    worker: NotRequired[str]
    queuePlace: NotRequired[int]
    stageTimes: NotRequired[dict[str, str]]
    cancelRequested: bool
    submittedAt: str
    startedAt: NotRequired[str]
    updatedAt: str
    finishedAt: NotRequired[str]
    expiresAt: NotRequired[str]
    rejectedReferences: list[dict[str, Any]]
    referenceNotes: list[dict[str, Any]]
    lastError: NotRequired[JobError]
    result: NotRequired[JobResult]
    error: NotRequired[JobError]


class Event(TypedDict):
    """One event of a job. `job.completed`, `job.failed` and `job.canceled` are the last. `status`, `stage` and
    `progress` are the record's after it."""

    type: str
    jobId: str
    sequence: int
    at: str
    status: JobStatus
    stage: str
    progress: float
    attempt: NotRequired[int]
    shot: NotRequired[str]
    step: NotRequired[int]
    steps: NotRequired[int]
    reason: NotRequired[str]
    image: NotRequired[StoredImage]
    result: NotRequired[JobResult]
    error: NotRequired[JobError]


class CancelAnswer(TypedDict):
    jobId: str
    accepted: bool
    reason: NotRequired[str]


class WebhookSecret(TypedDict):
    """`beginning`: the secret's first characters; None if the deployment can't sign with it any more."""

    secretId: str
    createdAt: str
    beginning: str | None


class NewWebhookSecret(WebhookSecret):
    secret: str
