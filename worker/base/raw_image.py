"""Pixels that go over pipes between processes. Importing this module doesn't import Pillow."""

from dataclasses import dataclass
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class RawImage:
    """An RGB image: `data` is height x width x 3 bytes. What came over a PixelPipe is shared memory."""

    width: int
    height: int
    data: bytes | memoryview

    @classmethod
    def of(cls, image: "Image.Image") -> Self:
        """The pixels of an RGB image."""
        return cls(image.width, image.height, image.tobytes())

    def to_image(self) -> "Image.Image":
        from PIL import Image

        return Image.frombytes("RGB", (self.width, self.height), self.data)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # Earlier protocols take no buffers.
        data = PickleBuffer(self.data) if int(protocol) >= 5 else bytes(self.data)
        return type(self), (self.width, self.height, data)
