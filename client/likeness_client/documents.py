"""The documents of the API, as JSON has them. A newer API may add fields."""

from typing import Any, Literal, NotRequired, TypedDict

Gender = Literal["male", "female", "nonbinary", "unspecified"]
JobStatus = Literal["running", "completed", "failed", "canceled"]


class Me(TypedDict):
    organisation: str
    keyId: str
    scopes: list[str]


class ReferenceImage(TypedDict):
    assetId: str
    url: str
    thumbnailUrl: NotRequired[str | None]
    addedAt: str


class Influencer(TypedDict):
    """A persona."""

    influencerId: str
    projectId: str
    name: str
    status: Literal["draft", "pending", "training", "ready", "failed", "deleted"]
    gender: NotRequired[Gender]
    ageRange: NotRequired[str | None]
    personality: NotRequired[dict[str, Any]]
    referenceImages: list[ReferenceImage]
    createdAt: str
    updatedAt: str


class Project(TypedDict):
    projectId: str
    name: str
    createdAt: str
    influencer: NotRequired[Influencer]
    job: NotRequired["StartedJob"]


class Asset(TypedDict):
    assetId: str
    projectId: str
    url: str
    thumbnailUrl: str | None
    createdAt: str


class StartedJob(TypedDict):
    jobId: str
    kind: str
    status: Literal["running"]
    influencerId: str
    locationUrl: str


class Job(TypedDict):
    """A job's record."""

    jobId: str
    kind: str
    status: JobStatus
    stage: str
    progress: float
    influencerId: str
    projectId: str
    locationUrl: str
    submittedAt: str
    updatedAt: str
    result: NotRequired[dict[str, Any]]
    error: NotRequired[dict[str, Any]]


class Event(TypedDict):
    """One event of a job. `job.completed`, `job.failed` and `job.canceled` are the last."""

    type: str
    sequence: int
    jobId: str
    at: str


class CancelAnswer(TypedDict):
    jobId: str
    accepted: bool
    reason: NotRequired[str | None]
