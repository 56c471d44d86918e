"""What an image states about itself: the report of `likeness inspect` and of the API."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from models.base import AssetId, Document, InfluencerId, JobId, ProjectId, Time
from models.watermark import HiddenNumber

Verdict = Literal["valid", "signer_refused", "unsigned", "content_changed", "manifest_changed"]
Trust = Literal["trusted", "development", "untrusted"]

DEVELOPMENT_ORGANIZATION = "Likeness development (not for production)"
"""The organization that a development certificate names, and is recognized by."""


class SignedBy(Document):
    """The signer's certificate, as found in the signature."""

    name: str | None = None
    organization: str | None = None
    issuer: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    algorithm: str | None = None
    signed_at: datetime | None = Field(None, description="By a timestamp authority; null without one.")
    trust: Trust


class InspectedIngredient(Document):
    """An ingredient of an image, and whether the mark that it came with is kept."""

    title: str | None = None
    description: str | None = None
    relationship: str | None = Field(
        None, description="C2PA's: `inputTo` the model that made the image, or `componentOf` the image."
    )
    has_mark: bool = False
    mark_is_intact: bool | None = Field(None, description="As found when the image was signed.")


class WatermarkedImage(Document):
    """A rendered image that was marked with a number, by the manifest of its job."""

    job_id: JobId
    project_id: ProjectId
    influencer_id: InfluencerId
    influencer_deleted_at: Time | None = Field(None, description="Null: it wasn't deleted, or nobody knows.")
    asset_id: AssetId
    shot: str
    created_at: Time = Field(description="When its job was committed.")
    is_stored: bool = Field(description="Whether the image is still in the object store.")


class WatermarkFinding(Document):
    """What was found in an image's pixels, however often it was saved anew."""

    found: bool | None = Field(None, description="Null: nobody could look; `reason` says why.")
    reason: str | None = Field(None, description="Why nobody could look, or look it up: a sentence.")
    looked_for: tuple[str, ...] = Field(
        (),
        description="The algorithms that were looked for. Others go unseen, such as one whose models aren't "
        "where this was asked.",
    )
    hidden: HiddenNumber | None = None
    as_signed: bool | None = Field(
        None,
        description="Whether the signed statement names the same number. Null: it names none, or none was found.",
    )
    images: tuple[WatermarkedImage, ...] | None = Field(
        None,
        description="The images with this number that the asker may know of; several if numbers collide. Null: it "
        "wasn't looked up.",
    )


class Inspection(Document):
    """What an image states about itself. Except for `verdict`, `problems`, `watermark` and what XMP says, it comes
    from the signed statement and is as reliable as the verdict. `render` is Likeness's own assertion."""

    verdict: Verdict
    problems: tuple[str, ...] = Field((), description="C2PA's codes for what doesn't hold.")
    signed_by: SignedBy | None = None
    software: str | None = None
    source_type: str | None = None
    xmp_source_type: str | None = None
    source_types_agree: bool | None = Field(
        None, description="Whether XMP says what the signed statement does. Null: one of them says nothing."
    )
    ingredients: tuple[InspectedIngredient, ...] = ()
    render: dict[str, Any] | None = None
    signed_watermark: HiddenNumber | None = Field(
        None, description="The number that is in the pixels, by the statement (C2PA's soft binding)."
    )
    watermark: WatermarkFinding | None = Field(
        None, description="What is in the pixels. Null: nobody looked."
    )
