"""The job that clones a persona, and the API request that it is made from."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from models.base import AssetId, InfluencerId, ProjectId, Request, Url
from models.influencer import (
    MOST_REFERENCES,
    Appearance,
    CloneOverrides,
    Influencer,
    Name,
    ReferenceImage,
)
from models.likeness import Subject
from models.message import JobMessage
from models.reference_origin import ReferenceOrigin
from models.shot import DEFAULT_SHOTS, ShotNames

CLONE: Literal["influencer_clone"] = "influencer_clone"


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


class CloneJob(JobMessage):
    """The Celery message of an `influencer_clone` job: all that a worker needs to know."""

    kind: Literal["influencer_clone"] = CLONE
    source: Influencer = Field(description="The row that is cloned. Its own reference images are not read.")
    influencer_id: InfluencerId = Field(description="The new row's id.")
    name: Name = Field(description="The new row's name.")
    overrides: CloneOverrides = CloneOverrides()
    references: Annotated[tuple[ReferenceSource, ...], Field(min_length=1, max_length=MOST_REFERENCES)]
    shots: ShotNames = DEFAULT_SHOTS
    subject: Subject = Field("person", description="`any`: references may show what has no face.")

    @model_validator(mode="after")
    def _another_row(self) -> Self:
        if self.influencer_id == self.source.influencer_id:
            raise ValueError("influencerId must differ from the source's: a clone is a new row")
        return self

    @property
    def project_id(self) -> ProjectId:
        return self.source.project_id

    @property
    def source_influencer_id(self) -> InfluencerId:
        return self.source.influencer_id

    @property
    def appearance(self) -> Appearance:
        return self.overrides.apply_to(self.source).appearance

    @property
    def changes_face(self) -> bool:
        """Whether the clone's face differs from its references on purpose."""
        clone = self.appearance
        fields = ("gender", "age_range", "ethnicity")
        return any(getattr(clone, field) != getattr(self.source, field) for field in fields)

    def reference_origin_at(self, at: datetime) -> ReferenceOrigin | None:  # noqa: ARG002
        """The clone's own statement, or else its source's."""
        return self.overrides.apply_to(self.source).reference_origin

    def described(self, row: Influencer) -> Influencer:
        """Applies the overrides to the current row, so that a change made in the meantime isn't undone."""
        return self.overrides.apply_to(row)

    def finished_row(self, images: tuple[ReferenceImage, ...], at: datetime) -> Influencer:
        """The clone's row: the source with the overrides applied, and the new images."""
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

    def _content(self) -> dict[str, Any]:
        # In the overrides, null (clear) differs from a field that is left out (keep).
        return super()._content() | {
            "overrides": self.overrides.model_dump(mode="json", exclude_unset=True),
        }
