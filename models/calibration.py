"""A calibration: what an embedder's similarities mean, measured on people whose identities were known."""

from hashlib import sha256
from typing import Annotated, Literal

from pydantic import Field

from models.base import Document, Sha256
from models.domain import Domain
from models.likeness import Embedder

Rate = Annotated[float, Field(ge=0, le=1)]


class Distribution(Document):
    """The distribution of similarities, or of differences, over one kind of pair."""

    count: int | None = Field(None, ge=1, description="How many pairs. Null where the source doesn't say.")
    quantiles: dict[str, float] = Field(description="By their share, `0` (the least) to `1` (the greatest).")


class Floor(Document):
    """A threshold and its error rates."""

    similarity: float = Field(description="What is at least as alike counts as the same.")
    false_matches: Rate = Field(description="FMR: the share of impostors at or above it.")
    false_misses: Rate = Field(description="FNMR: the share of genuine ones below it.")


class Comparison(Document):
    """How well similarity to the mean of a given number of references separates a person from others."""

    references: int = Field(
        ge=1, description="A mean of more of them is nearer to everybody, so they don't mix."
    )
    genuine: Distribution
    impostor: Distribution
    auc: Rate | None = Field(
        None,
        description="The chance that a genuine pair is more alike than an impostor's. Null: not published.",
    )
    eer: Rate | None = Field(
        None, description="Equal error rate: where FMR and FNMR meet. Null: not published."
    )
    at_eer: Floor | None = None
    at_fmr_1_percent: Floor
    at_fmr_01_percent: Floor = Field(description="At an FMR of 0.1 %.")
    widened: Floor = Field(description="For a face that is changed on purpose: at an FMR of 10 %.")


Comparisons = Annotated[
    tuple[Comparison, ...], Field(min_length=1, description="By rising numbers of references, from 1.")
]


CopyKind = Literal["scaled", "recompressed", "mirrored", "cropped", "toned", "bordered", "moved"]
"""How a copy was made of a picture. `moved`: only its face, made smaller and put elsewhere on another backdrop."""


class CopiesCaught(Document):
    """How many copies of one kind were tested, and the share that was caught."""

    kind: CopyKind
    count: int = Field(ge=1)
    caught: Rate


class CopyCeiling(Document):
    """The difference up to which a picture counts as a copy of another, not as a fresh picture of the same face.

    A difference is the share of one picture's brightness that the other's pixels, aligned and toned, don't explain:
    0 for the same pixels, 1 for pictures with nothing in common. It is measured on the faces if both pictures have
    one, else on the whole pictures.
    """

    difference: float = Field(ge=0, le=1, description="What differs no more is a copy.")
    fresh: Distribution = Field(description="Differences of different pictures of one person.")
    fresh_refused: Rate = Field(description="The share of these that is called a copy.")
    copies: Distribution = Field(description="Differences of pictures and their copies.")
    caught: Annotated[tuple[CopiesCaught, ...], Field(min_length=1, description="By kind.")]


class Calibration(Document):
    """A complete calibration. It is valid for one embedder, one detector and the bytes of their models."""

    schema_version: Literal[3] = 3
    embedder: Embedder
    domain: Domain = Field(description="What the thresholds hold for.")
    origin: Literal["measured", "published"] = Field(
        description="`measured`: by `likeness calibrate`. `published`: taken from figures that others published."
    )
    made_on: str = Field(
        description="Whose faces, how many, how they were made; of published figures, whose."
    )
    personas: int
    images: int
    detected: Rate | None = Field(
        None,
        description="Share of the images within `maxYaw` in which a face was found. Null: not published.",
    )
    max_yaw: float = Field(description="Degrees to either side; heads that are turned further aren't judged.")
    min_face_side: int = Field(description="Pixels. Smaller faces no longer look like themselves.")
    faces: Comparisons = Field(description="Of a face with references' faces.")
    whole_images: Comparisons = Field(
        description="Of a picture with references, for subjects without a face."
    )
    copy_ceiling: CopyCeiling

    @property
    def digest(self) -> Sha256:
        """SHA-256 of its JSON text."""
        return sha256(self.to_json().encode()).hexdigest()


def comparison_for(comparisons: Comparisons, references: int) -> Comparison:
    """The comparison for that number of references, or for the largest number below it."""
    return max(
        (each for each in comparisons if each.references <= references), key=lambda each: each.references
    )
