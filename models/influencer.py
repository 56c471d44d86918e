"""The influencer: a synthetic persona, its personality, its appearance and its reference images."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field, model_validator

from models.base import AssetId, Document, InfluencerId, ProjectId, Time, Url, without_defaults
from models.reference_origin import ReferenceOrigin

MOST_REFERENCES = 20
"""The most reference images that an influencer can have."""

Gender = Literal["male", "female", "nonbinary", "unspecified"]
Status = Literal["draft", "pending", "training", "ready", "failed", "deleted"]
Text128 = Annotated[str, Field(max_length=128)]
Text256 = Annotated[str, Field(max_length=256)]
Name = Annotated[str, Field(min_length=1, max_length=128)]
AgeRange = Annotated[
    str,
    Field(
        max_length=16,
        description="An adult's, in figures: `25-34`, `30s`, `60+`, `over 40` or `25`. Others are refused.",
        examples=["25-34"],
    ),
]
"""Rows and messages can hold any: they may be older than the rule, and a worker refuses what it can't render."""
# The contract gives the personality no limits; these are ours, to keep a message small.
Phrase = Annotated[str, Field(max_length=4096)]
Phrases = Annotated[tuple[Phrase, ...], Field(max_length=256)]


def _as_read(schema: dict[str, Any]) -> None:
    """Adds the second spelling to the JSON Schema: pydantic leaves it out, since it is an alias for reading."""
    without_defaults(schema)
    schema["properties"]["humorStyle"] = schema["properties"]["humor"] | {"title": "Humorstyle"}


class Personality(Document):
    """How the persona speaks and thinks. Purely narrative: it never changes a pixel."""

    model_config = ConfigDict(json_schema_extra=_as_read)

    traits: Phrases | None = None
    tone: Phrase | None = None
    humor: Phrase | None = Field(
        None, validation_alias=AliasChoices("humor", "humorStyle"), description="Also read as `humorStyle`."
    )
    formality: Phrase | None = None
    values: Phrases | None = None
    interests: Phrases | None = None
    speaking_style: Phrase | None = None
    catchphrases: Phrases | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_spelling(cls, given: Any) -> Any:
        """Accepts both spellings if their values are equal, for clients that fill in both."""
        if not isinstance(given, dict) or not {"humor", "humorStyle"} <= given.keys():
            return given
        if given["humor"] != given["humorStyle"]:
            raise ValueError("humor and humorStyle are one field and differ; give one of them")
        return {name: value for name, value in given.items() if name != "humorStyle"}


class ReferenceImage(Document):
    """One image that fixes how the persona looks."""

    asset_id: AssetId
    url: Url
    thumbnail_url: Url | None = None
    added_at: Time


class Appearance(Document):
    """The fields of a persona that drive the render. No other field does."""

    gender: Gender = "unspecified"
    age_range: AgeRange | None = None
    ethnicity: Text128 | None = None
    body_type: Text128 | None = None
    hair_color: Text128 | None = None
    hair_style: Text128 | None = None
    style: Text256 | None = None
    vibe: Text256 | None = None


class Persona(Appearance):
    """Everything that describes a persona, in pictures and in words, except its name and its ids."""

    archetype: Text128 | None = None
    primary_language: Text128 | None = None
    voice_profile: Text256 | None = None
    voice_description: str | None = Field(None, max_length=1024)
    personality: Personality = Personality()
    reference_origin: ReferenceOrigin | None = Field(
        None, description="Whose face the reference images show, as it was stated."
    )


class Influencer(Persona):
    """A persona's row, as the platform stores it."""

    influencer_id: InfluencerId
    project_id: ProjectId
    name: Name
    status: Status
    thumbnail_url: Url | None = None
    reference_images: tuple[ReferenceImage, ...] = Field((), max_length=MOST_REFERENCES)
    created_at: Time
    updated_at: Time
    # Left out where it is null, so that jobs from before there was this field keep their fingerprints.
    reference_origin: ReferenceOrigin | None = Field(
        None,
        description="Whose face the reference images show, as it was stated.",
        exclude_if=lambda origin: origin is None,
    )

    @property
    def appearance(self) -> Appearance:
        return Appearance.model_validate({name: getattr(self, name) for name in Appearance.model_fields})


class CloneOverrides(Persona):
    """What a clone changes: `personality` is merged key by key, every other field replaces the source's.

    A key that is left out keeps the source's value; `null` clears it, where the field can be empty. Name,
    ids and reference images can't be overridden.
    """

    model_config = ConfigDict(json_schema_extra=without_defaults)

    def apply_to(self, influencer: Influencer) -> Influencer:
        """The influencer with these overrides merged in."""
        changes = _given(self)
        if "personality" in changes:
            changes["personality"] = influencer.personality.model_copy(update=_given(self.personality))
        return influencer.model_copy(update=changes)


def _given(document: Document) -> dict[str, Any]:
    return {name: getattr(document, name) for name in document.model_fields_set}
