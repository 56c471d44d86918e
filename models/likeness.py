"""How closely an image matches its references, and the resulting verdict."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from models.base import Document, Sha256
from models.domain import Domain
from models.source_type import SourceType

Subject = Literal["person", "any"]
"""What the references show: one person's face, or also things that have none."""

GateMode = Literal["required", "report", "off"]
"""`required`: only an image that passes becomes part of a clone. `report`: all are judged and all are taken.
`off`: nothing is judged."""

Metric = Literal["euclidean", "cosine"]
"""How two descriptors are compared. A similarity is 1 - distance, or the cosine: 1 is the same picture, and higher
is more alike. Similarities of different embedders can't be compared."""


class EmbedderName(StrEnum):
    """A face detector together with the embedder that describes the faces."""

    DLIB = "dlib"
    """Installed by pip. The only one with a calibration of ours."""
    YUNET_SFACE = "yunet-sface"
    YUNET_AURAFACE = "yunet-auraface"


class Embedder(Document):
    """The detector and embedder that were used, identified down to the bytes of their models."""

    name: str
    metric: Metric
    files: dict[str, Sha256] = Field(description="SHA-256 of each model file, by its name.")


class FaceBox(Document):
    """A face's box, in whole pixels from the image's upper left corner. Right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def side(self) -> int:
        """The longer side."""
        return max(self.right - self.left, self.bottom - self.top)


class FaceScores(Document):
    """What was measured on the image's largest face."""

    box: FaceBox
    confidence: float = Field(description="On the detector's own scale.")
    share: Annotated[float, Field(ge=0, le=1, description="Of the image's area that the box covers.")]
    sharpness: float = Field(description="Variance of the Laplacian over the face, scaled to one size.")


class Nearest(Document):
    """The most similar of several pictures, by three measures: a hash of the whole, the face, and the pixels."""

    by_hash: str = Field(description="`reference 1` and so on, or a shot's name.")
    hash_bits: int = Field(ge=0, le=64, description="Bits in which the perceptual hashes differ, of 64.")
    mirrored: bool = Field(description="The hash fits better when the image is mirrored.")
    by_face: str | None = None
    similarity: float | None = Field(None, description="Of the two faces. Null: one of them wasn't found.")
    by_pixels: str | None = Field(None, description="Whose pixels are most like the image's.")
    difference: float | None = Field(
        None,
        description="Share of the image's brightness that those pixels, aligned and toned, don't explain: of the "
        "faces where both have one, else of the whole pictures. It decides what is a copy. Null: none of the "
        "pictures has enough in common with the image to be aligned.",
    )


class ImageScores(Document):
    """What was measured on one image. A similarity is null where one of the two faces wasn't found."""

    width: int
    height: int
    faces: int = Field(ge=0, description="How many were found.")
    face: FaceScores | None = None
    compared: Literal["face", "whole-image"] | None = Field(
        None, description="What the similarities are of. Null: there was nothing to compare with."
    )
    references: tuple[float | None, ...] = Field(description="Similarity to each reference, in their order.")
    centroid: float | None = Field(None, description="Similarity to the mean of the references.")
    nearest_reference: Nearest | None = None
    nearest_shot: Nearest | None = Field(None, description="Of the set's other images.")


class Reason(StrEnum):
    """Why an image isn't taken."""

    NO_FACE = "no-face"
    SEVERAL_FACES = "several-faces"
    TOO_SMALL = "too-small"
    NOT_THE_SAME_FACE = "not-the-same-face"
    NOT_THE_SAME_SUBJECT = "not-the-same-subject"
    COPY_OF_REFERENCE = "copy-of-reference"
    TWIN = "twin"


class Verdict(Document):
    """Whether an image is taken, by which floor, and what couldn't be judged."""

    outcome: Literal["pass", "miss"]
    reasons: tuple[Reason, ...] = Field((), description="Empty for a pass.")
    floor: float | None = Field(None, description="The least similarity to the centroid that is taken.")
    floor_of: Domain | None = Field(
        None,
        description="The domain that the floor was calibrated for, where it isn't the image's own, and the verdict "
        "says little. Null: it is.",
    )
    floor_widened: bool = Field(
        False, description="Lower than usual, since the clone's face differs from the source's on purpose."
    )
    not_judged: tuple[Reason, ...] = Field(
        (), description="What would have been said, but the head is turned further than was calibrated."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        # A newer version may know a third outcome.
        if self.outcome in ("pass", "miss") and (self.outcome == "pass") != (not self.reasons):
            raise ValueError("a pass has no reasons, and a miss has some")
        return self


class Judgement(Document):
    """The complete record of how one image's likeness was judged."""

    embedder: Embedder
    calibration: Sha256 = Field(description="Of the calibration's JSON text.")
    yaw: float = Field(description="The shot's, in degrees: how far the head was to be turned.")
    scores: ImageScores
    verdict: Verdict


class ReferenceFault(StrEnum):
    """What is wrong with one of the references."""

    NO_FACE = "no-face"
    SEVERAL_FACES = "several-faces"
    ANOTHER_PERSON = "another-person"


class CheckedReference(Document):
    """The result of comparing one reference with the others."""

    index: int = Field(ge=0, description="Its place in the job's list.")
    faces: int = Field(ge=0)
    face: FaceBox | None = Field(None, description="Where the largest one is, in the reference's pixels.")
    similarity: float | None = Field(
        None, description="To the mean of the others that agree. Null: it has no face, or is alone."
    )
    faults: tuple[ReferenceFault, ...] = ()
    used: bool = Field(description="Images are compared with it.")


class MissedImage(Document):
    """An image that wasn't taken: one try of a shot."""

    shot: str
    seed: NonNegativeInt
    number: PositiveInt = Field(alias="attempt", description="Which try of the shot this was.")
    judgement: Judgement
    digital_source_type: SourceType = SourceType.GENERATED
    evidence_key: str | None = Field(None, description="Where it is kept, if it was the best of all tries.")
    evidence_url: str | None = Field(None, description="Of the kept image, as an image's `url`.")


class SetLikeness(Document):
    """The gate's findings about a job's set as a whole. Each image's judgement is stored with the image."""

    gate: Literal["required", "report"]
    subject: Subject
    references: tuple[CheckedReference, ...] = Field(
        description="Those that could be read; the anchor alone, where a person was made up. `reference 1` in an "
        "image's scores is the first of these."
    )
    missed: tuple[MissedImage, ...] = Field((), description="Shots that a partial set is without.")
