"""What an image states about itself: the report of `likeness inspect` and of the API."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from models.base import Document

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


class Inspection(Document):
    """What an image states about itself. Except for `verdict`, `problems` and what XMP says, it comes from the
    signed statement and is as reliable as the verdict. `render` is Likeness's own assertion."""

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
