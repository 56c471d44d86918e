"""The number that is hidden in an image's pixels, and how it is hidden."""

from typing import Literal, Self

from pydantic import Field, PositiveInt

from models.base import Document

WatermarkMode = Literal["required", "off"]
"""`required`: every image gets a watermark. `off`: none does."""

WatermarkName = Literal["auto", "trustmark", "spread"]
"""`auto` is TrustMark where its weights were fetched, else our own, `spread`."""


_TRUSTMARK = "com.adobe.trustmark."
# That of 61 bits, with the code BCH_5.
_TRUSTMARK_SCHEMA = "1*"


class WatermarkOptions(Document):
    """How to mark and read images: the worker's settings, passed to the process that does it."""

    algorithm: WatermarkName = "auto"
    weights: str = Field("weights", description="The folder that `likeness models fetch` fills.")


class WatermarkInfo(Document):
    """The watermark that was loaded."""

    algorithm: str = Field(description="Its name in a C2PA soft binding.")
    bits: PositiveInt = Field(description="Of a number.")


class HiddenNumber(Document):
    """A number in an image's pixels. An image, its thumbnail and its evidence have the same."""

    algorithm: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", description="What hides it there.")
    number: str = Field(
        pattern=r"^[0-9a-f]{1,64}$", description="In hexadecimal, since it can have more than 53 bits."
    )

    @classmethod
    def of(cls, info: WatermarkInfo, number: int) -> Self:
        return cls(algorithm=info.algorithm, number=f"{number:0{(info.bits + 3) // 4}x}")

    @classmethod
    def bound(cls, algorithm: str, value: str) -> Self:
        """The reverse of `as_bound`. Raises ValueError."""
        bits = value.removeprefix(_TRUSTMARK_SCHEMA)
        is_trustmarks = algorithm.startswith(_TRUSTMARK) and bits != value
        return cls(algorithm=algorithm, number=f"{int(bits, 2):016x}" if is_trustmarks else value)

    def as_bound(self) -> str:
        """The number as C2PA's soft bindings have it, which depends on the algorithm."""
        if self.algorithm.startswith(_TRUSTMARK):
            return f"{_TRUSTMARK_SCHEMA}{int(self.number, 16):061b}"
        return self.number
