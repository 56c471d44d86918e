"""What the safety gate says of an image, and which images it refuses."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt

from models.base import Document, Sha256
from models.likeness import EmbedderName

SafetyMode = Literal["required", "off"]
"""`required`: every image is looked at before anything of it is stored. `off`: nothing is."""

Nudity = Literal["none", "suggestive", "explicit"]
ApparentMinor = Literal["yes", "no", "unknown"]


class SafetyReading(Document):
    """What a classifier says of one image. An operator's own function returns this, or a dict of its JSON."""

    nudity: Nudity
    score: Annotated[
        float,
        Field(ge=0, le=1, allow_inf_nan=False, description="How sure it is of `nudity`, on its own scale."),
    ]
    apparent_minor: ApparentMinor = Field(
        "unknown", description="`unknown`: nobody looked, since nudity is none or there is no model for it."
    )


class SafetyRule(StrEnum):
    """Why an image is refused."""

    EXPLICIT = "explicit"
    """The shot is tried again with the next seed."""
    APPARENT_MINOR = "apparent-minor"
    """A person who looks like a minor, in an image that is suggestive or explicit. The job fails at once."""


def rule_of(reading: SafetyReading) -> SafetyRule | None:
    """The rule by which an image is refused; None if it isn't."""
    if reading.apparent_minor == "yes" and reading.nudity != "none":
        return SafetyRule.APPARENT_MINOR
    return SafetyRule.EXPLICIT if reading.nudity == "explicit" else None


class RefusedImage(Document):
    """An image that the safety gate refused: one try of a shot. Nothing of it is stored."""

    shot: str
    seed: NonNegativeInt
    number: NonNegativeInt = Field(
        alias="attempt",
        description="Which try of the shot this was. 0: an earlier attempt had stored it; now it is deleted.",
    )
    rule: SafetyRule
    score: float = Field(description="The classifier's, from 0 to 1.")


class SafetyInfo(Document):
    """The classifier that a verify process looks with."""

    classifier: str = Field(description="The model's name, or the operator's `module:function`.")
    files: dict[str, Sha256] = Field(
        default_factory=dict, description="SHA-256 of each model file, by its name."
    )
    judges_age: bool = Field(
        description="Whether it can tell apparent minors. An operator's own function is taken to."
    )


class SetSafety(SafetyInfo):
    """The safety gate's findings about a job's set as a whole."""

    refused: tuple[RefusedImage, ...] = Field(
        (), description="The last try of each shot that a partial set is without."
    )


class SafetyOptions(Document):
    """How a verify process must look at images: the worker's settings, passed to its child process."""

    classifier: str | None = Field(None, description="An operator's `module:function` in place of models.")
    models: str | None = Field(None, description="An operator's folder of models; null is the fetched one.")
    weights: str = Field("weights", description="The folder that `likeness models fetch` fills.")
    embedder: EmbedderName = Field(
        EmbedderName.DLIB,
        description="What finds faces for a model of age, where no likeness gate is loaded.",
    )
    face_models: str = Field("weights/faces", description="The folder of the ONNX models that you brought.")
