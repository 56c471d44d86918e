"""What every watermark can do."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Watermark(Protocol):
    """Hides a number in an image's pixels, and finds it again. One instance serves one thread."""

    algorithm: str
    """Its name in a C2PA soft binding."""
    bits: int
    """How many a number has."""

    def embed(self, pixels: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
        """Marked pixels of the same shape, (height, width, 3), in sRGB. Raises ValueError if it has more bits."""

    def find(self, pixels: NDArray[np.uint8]) -> int | None:
        """The number in these pixels, of shape (height, width, 3) in sRGB, or None if there is no watermark."""
