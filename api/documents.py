"""The bodies and answers that only the API uses, bodies first. Documents that a worker also uses are in
`models`."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from models.base import (
    AssetId,
    Document,
    InfluencerId,
    JobId,
    ProjectId,
    Request,
    Sha256,
    Time,
    Url,
    without_defaults,
)
from models.influencer import (
    MOST_REFERENCES,
    AgeRange,
    Gender,
    Influencer,
    Name,
    Persona,
    Personality,
    ReferenceImage,
)
from models.job import CloneRequest
from models.likeness import Subject
from models.message import JobKind
from models.operations import TierQueue, WorkerState
from models.record import JobError, JobStatus
from models.reference_origin import ReferenceOrigin
from models.shot import DEFAULT_CREATE_SHOTS, DEFAULT_SHOTS, ShotNames
from models.webhook import Delivery

# Ids that don't resolve are dropped, and so is text that isn't an id at all.
AssetIds = Annotated[
    tuple[Annotated[str, Field(max_length=256)], ...],
    Field(min_length=1, max_length=MOST_REFERENCES, examples=[["med_01HX9Y6K7EJ4T2REF01"]]),
]
# PostgreSQL's text refuses NUL, and no URL has control characters.
HttpUrl = Annotated[
    Url, Field(pattern=r"^https?://[!-~]+$", description="Percent-encoded, with an ASCII host.")
]
WebhookSecretId = Annotated[str, Field(pattern=r"^whs_[0-9A-Z]{26}$")]
ExpiresAt = Annotated[
    Time | None,
    Field(description="A job that no worker has begun with by then fails with DEADLINE_EXCEEDED."),
]
CallbackUrl = Annotated[
    HttpUrl | None,
    Field(
        description="Gets a signed webhook of the job's end. https, public addresses only.",
        examples=["https://hooks.example/likeness"],
    ),
]


def _not_blank(name: str) -> str:
    if not name.strip():
        raise ValueError("a name has more than spaces: give one that people can read")
    return name


# Rows may have names of before there was this rule.
NewName = Annotated[Name, AfterValidator(_not_blank), Field(json_schema_extra={"pattern": r"\S"})]
Tier = Annotated[
    str | None,
    Field(
        pattern=r"^[a-z0-9-]+$",
        max_length=64,
        description="The tier whose queue the job waits in. The deployment says which ones can be chosen, if any.",
    ),
]
MediaType = Literal["image/png", "image/jpeg", "image/webp"]
MEDIA_TYPES: tuple[MediaType, ...] = get_args(MediaType)


class CreateProject(Request):
    """The body of `POST /v1/projects`. With more than a name, the project's first influencer is made too."""

    name: NewName
    audience: str | None = Field(
        None,
        min_length=1,
        max_length=512,
        description="Whom the brand speaks to.",
        examples=["parents, 30-44"],
    )
    language: str | None = Field(
        None, min_length=1, max_length=128, description="A BCP 47 tag, or a language's English name."
    )
    voice: str | None = Field(
        None, min_length=1, max_length=1024, description="How it speaks.", examples=["warm and playful"]
    )


class SetPrimary(Request):
    """The body of `PUT /v1/projects/{projectId}/primary-influencer`. `null`: use the first that is ready."""

    influencer_id: InfluencerId | None


class Brief(Request):
    """The content to make. Without an influencer, the project's primary one is used."""

    influencer_id: InfluencerId | None = None
    text: str | None = Field(None, max_length=4096)


class SelectInfluencer(Request):
    """The body of `POST /v1/projects/{projectId}/content/selection`."""

    brief: Brief


class AddMedia(Request):
    """The body of `POST /v1/projects/{projectId}/media`: an image that is on the web already."""

    url: HttpUrl
    thumbnail_url: HttpUrl | None = None


class BeginUpload(Request):
    """The body of `POST /v1/projects/{projectId}/media/uploads`."""

    media_type: MediaType
    bytes: int = Field(ge=1, strict=True, description="The file's size. The URL takes no other.")
    sha256: Sha256 | None = None


class BindReferences(Request):
    """The body of `POST /v1/influencers/{influencerId}/reference-images`."""

    asset_ids: AssetIds


class RenderReferences(Request):
    """The optional body of `POST /v1/influencers/{influencerId}/reference-images/render`."""

    shots: ShotNames = DEFAULT_CREATE_SHOTS
    expires_at: ExpiresAt = None
    callback_url: CallbackUrl = None
    tier: Tier = None


class StartClone(CloneRequest):
    """The body of `POST /v1/influencers/{influencerId}/clone`. Only `name` is needed."""

    name: NewName
    shots: ShotNames = DEFAULT_SHOTS
    subject: Subject = Field("person", description="`any`: references may show what has no face.")
    accept_partial: bool = Field(
        False, description="Complete with the shots that reach the likeness, if at least one does."
    )
    expires_at: ExpiresAt = None
    callback_url: CallbackUrl = None
    tier: Tier = None


class CreateInfluencer(Persona, Request):
    """The body of `POST /v1/projects/{projectId}/influencers`. Only `name` is needed."""

    influencer_id: InfluencerId | None = None
    name: NewName
    reference_images: BindReferences | None = None


class PatchInfluencer(Request):
    """The body of `PATCH /v1/influencers/{influencerId}`. Fields that are left out stay as they are; `null` clears
    a field that can be empty."""

    model_config = ConfigDict(json_schema_extra=without_defaults)

    # A given name is never empty. The default shows only in its absence from the fields that were set.
    name: NewName = Field(default_factory=str)
    gender: Gender = "unspecified"
    age_range: AgeRange | None = None
    personality: Personality = Personality()
    reference_origin: ReferenceOrigin | None = None


class DeleteInfluencer(Request):
    """The optional body of `DELETE /v1/influencers/{influencerId}`."""

    reason: str | None = Field(None, max_length=1024)


class Reply(Document):
    """A document that the API wrote. Its JSON has every field that was set, as null if it has no value."""

    def to_data(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_unset=True)


class QueueByTier(Document):
    """The queue, by tier."""

    tiers: tuple[TierQueue, ...]


class Workers(Document):
    """All workers."""

    items: tuple[WorkerState, ...]


class ListedLetter(Document):
    """A dead letter without its message. What isn't a job has neither a job's id nor what follows it."""

    letter_id: str
    at: Time
    error: JobError
    retried_as: JobId | None = Field(None, description="The new job that was made of it.")
    can_retry: bool
    job_id: JobId | None = None
    kind: JobKind | None = None
    organisation: str | None = None
    project_id: ProjectId | None = None
    influencer_id: InfluencerId | None = None


class RetriedLetter(Reply):
    """A dead letter that became a new job."""

    letter_id: str
    job_id: JobId


class ReplayedWebhooks(Document):
    """The deliveries that begin anew: one for each URL that the webhook goes to."""

    items: tuple[Delivery, ...]


class Me(Reply):
    """The caller."""

    organisation: str
    key_id: str
    scopes: tuple[str, ...]


class StartedJob(Reply):
    """A job that was recorded and will be submitted."""

    job_id: JobId
    kind: JobKind
    status: Literal["running"]
    influencer_id: InfluencerId
    location_url: str = Field(description="Where the job's record is; also the header `Location`.")


class StartedClone(StartedJob):
    """A clone job that was recorded and will be submitted."""

    kind: Literal["influencer_clone"]


class StartedCreate(StartedJob):
    """A job for an influencer's first images that was recorded and will be submitted."""

    kind: Literal["influencer_create"]


class JobFailure(Document):
    """Why a job failed. The job's record has more."""

    code: str
    message: str


class InfluencerJob(Document):
    """The latest job for an influencer's images."""

    job_id: JobId
    kind: JobKind
    status: JobStatus
    error: JobFailure | None = Field(description="Null unless the job failed.")


class StoredInfluencer(Influencer):
    """An influencer as the API stores it: with the job that it waits for, and where it came from."""

    source_influencer_id: InfluencerId | None = Field(
        description="Whom it was cloned from. Null for one that was created."
    )
    job: InfluencerJob | None = Field(
        description="The job of one that is pending, training or failed; null for the others."
    )


class Project(Reply):
    """The answer to `POST /v1/projects`. Only a project with a first influencer has `influencer` and `job`."""

    project_id: ProjectId
    name: Name
    created_at: Time
    # Left out rather than null, so that their schemas have neither null nor a default.
    influencer: StoredInfluencer | SkipJsonSchema[None] = Field(default_factory=lambda: None)
    job: StartedCreate | SkipJsonSchema[None] = Field(default_factory=lambda: None)


class Asset(Reply):
    """An image of the media library."""

    asset_id: AssetId
    project_id: ProjectId
    url: Url
    thumbnail_url: Url | None
    created_at: Time


class Upload(Reply):
    """Where and how to upload a large picture."""

    asset_id: AssetId
    upload_url: str
    method: Literal["PUT"]
    headers: dict[str, str]
    expires_at: Time


class BoundReferences(Document):
    """All reference images of an influencer, in their order."""

    influencer_id: InfluencerId
    reference_images: tuple[ReferenceImage, ...]


class DeletedInfluencer(Reply):
    """An influencer that was deleted. `images` is there if their deletion was asked for."""

    influencer_id: InfluencerId
    status: Literal["deleted"]
    deleted_at: Time
    images: Literal["deleting", "deleted"] | None = Field(
        None, description="`deleting` until no object is left; the same call says so later."
    )


class PrimaryInfluencer(Reply):
    """A project's primary influencer. `influencerId` is null if none was set: the first ready one is used."""

    project_id: ProjectId
    influencer_id: InfluencerId | None


class WebhookSecret(Reply):
    """A secret that signs the organisation's webhooks, without the secret itself."""

    secret_id: WebhookSecretId
    created_at: Time
    beginning: str | None = Field(
        description="The secret's first characters. Null: the deployment can't sign with it any more."
    )


class NewWebhookSecret(WebhookSecret):
    """A secret that was just made. It is shown only now."""

    secret: str = Field(description="For any library of Standard Webhooks: `whsec_` and base64.")


class DeletedWebhookSecret(Reply):
    """A webhook secret that was deleted."""

    secret_id: WebhookSecretId
    deleted_at: Time


class Selection(Document):
    """The influencer that was selected for a project's content: a copy that no later change affects."""

    selection_id: str
    created_at: Time
    project_id: ProjectId
    influencer_id: InfluencerId
    name: Name
    personality: Personality
    reference_images: tuple[ReferenceImage, ...]
