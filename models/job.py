"""The message that asks for a clone, and the request that it is made from."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from models.base import AssetId, InfluencerId, JobId, ProjectId, Request, Time, Url
from models.errors import InvalidInput
from models.influencer import CloneOverrides, Influencer, Name, ReferenceImage
from models.likeness import Subject
from models.shot import DEFAULT_SHOTS, ShotNames, shot_named

KIND: Literal["influencer_clone"] = "influencer_clone"
"""The job's kind, and the name of its Celery task."""


class CloneRequest(Request):
    """The body of `POST /v1/influencers/{influencerId}/clone`."""

    name: Name
    new_influencer_id: InfluencerId | None = None
    overrides: CloneOverrides = CloneOverrides()


class ReferenceSource(Request):
    """Where one reference image is fetched from: `url` if given, else the store's object `key`, else the
    media library's object for `assetId`."""

    asset_id: AssetId
    key: str | None = Field(
        None,
        min_length=1,
        max_length=1024,
        description="One of the project's own: its id is a part of the path.",
    )
    url: Url | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.key is not None and self.url is not None:
            raise ValueError("give either key or url, not both")
        return self


class CloneJob(Request):
    """The Celery message of an `influencer_clone` job: all that a worker needs to know."""

    job_id: JobId
    kind: Literal["influencer_clone"] = KIND
    source: Influencer = Field(description="The row that is cloned. Its own reference images are not read.")
    influencer_id: InfluencerId = Field(description="The new row's id.")
    name: Name = Field(description="The new row's name.")
    overrides: CloneOverrides = CloneOverrides()
    references: Annotated[tuple[ReferenceSource, ...], Field(min_length=1, max_length=20)]
    shots: ShotNames = DEFAULT_SHOTS
    subject: Subject = Field("person", description="`any`: references may show what has no face.")
    accept_partial: bool = Field(
        False, description="Complete with the shots that reach the likeness, if at least one does."
    )
    callback_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        max_length=2048,
        description="Gets a signed webhook of the job's end. https, public addresses only.",
    )
    expires_at: Time | None = Field(
        None,
        description="If no worker began with the job by then, it fails with DEADLINE_EXCEEDED. By Redis's clock.",
    )

    @field_validator("shots")
    @classmethod
    def _known_and_different(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                shot_named(name)
            except InvalidInput as error:
                raise ValueError(error.message) from None
        if len(set(names)) < len(names):
            raise ValueError("each shot can be asked for once")
        return names

    @model_validator(mode="after")
    def _another_row(self) -> Self:
        if self.influencer_id == self.source.influencer_id:
            raise ValueError("influencerId must differ from the source's: a clone is a new row")
        return self

    @property
    def project_id(self) -> ProjectId:
        return self.source.project_id

    @property
    def changes_face(self) -> bool:
        """Whether the clone's face differs from its references on purpose."""
        clone = self.overrides.apply_to(self.source)
        fields = ("gender", "age_range", "ethnicity")
        return any(getattr(clone, field) != getattr(self.source, field) for field in fields)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content: two messages of one job id must agree in it.

        A default that is written out changes nothing, but in the overrides, where null isn't absence.
        """
        content = self.model_dump(mode="json")
        content["overrides"] = self.overrides.model_dump(mode="json", exclude_unset=True)
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def finished_row(self, images: tuple[ReferenceImage, ...], at: datetime) -> Influencer:
        """The row that the clone becomes: the source with overrides applied and the new images."""
        return self.overrides.apply_to(self.source).model_copy(
            update={
                "influencer_id": self.influencer_id,
                "name": self.name,
                "status": "ready",
                "thumbnail_url": images[0].thumbnail_url if images else None,
                "reference_images": images,
                "created_at": at,
                "updated_at": at,
            }
        )
