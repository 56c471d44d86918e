"""Pixels that go over pipes between processes. Importing this module doesn't import Pillow."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class RawImage:
    """An RGB image: `data` is height x width x 3 bytes."""

    width: int
    height: int
    data: bytes

    @classmethod
    def of(cls, image: "Image.Image") -> Self:
        """The pixels of an RGB image."""
        return cls(image.width, image.height, image.tobytes())

    def to_image(self) -> "Image.Image":
        from PIL import Image

        return Image.frombytes("RGB", (self.width, self.height), self.data)
