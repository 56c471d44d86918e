"""The payload of a webhook, and the state of its delivery."""

from typing import Literal

from pydantic import Field, NonNegativeInt

from models.base import Document, InfluencerId, JobId, ProjectId, Time
from models.clone import CLONE
from models.message import JobKind
from models.record import JobError
from models.source_type import SourceType

WebhookType = Literal["job.completed", "job.failed", "job.canceled"]

DeliveryState = Literal["pending", "delivered", "failed"]
"""`failed`: there are no more tries, except by a replay."""


class ResultInShort(Document):
    """Where to find a completed job's result. The manifest accounts for every image."""

    manifest_key: str
    manifest_url: str
    digital_source_type: SourceType = Field(
        SourceType.GENERATED, description="Of the set: a composite if any image is."
    )


class FinalJob(Document):
    """The envelope of a final job, without the parts that would make it long."""

    job_id: JobId
    kind: JobKind = CLONE
    status: Literal["completed", "failed", "canceled"]
    stage: Literal["done"] = "done"
    progress: float = Field(ge=0, le=1)
    influencer_id: InfluencerId
    project_id: ProjectId
    location_url: str
    submitted_at: Time
    started_at: Time | None = None
    finished_at: Time
    result: ResultInShort | None = Field(None, description="job.completed")
    error: JobError | None = Field(None, description="job.failed; without details where they are long.")


class Webhook(Document):
    """The body of a webhook, following Standard Webhooks 1.0.0. `timestamp` is the event's, so every try has the
    same."""

    type: WebhookType
    timestamp: Time
    data: FinalJob


class Delivery(Document):
    """The state of one webhook's delivery to one URL."""

    webhook_id: str
    job_id: JobId
    type: WebhookType
    url: str = Field(description="Without its query, which may be a secret.")
    state: DeliveryState
    tries: NonNegativeInt
    created_at: Time
    last_try_at: Time | None = None
    last_answer: str | None = None
    next_try_at: Time | None = None
