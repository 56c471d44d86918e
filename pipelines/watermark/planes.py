"""Pictures as planes of brightness."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipelines.watermark.pattern import Floats

Pixels = npt.NDArray[np.uint8]

# The mean of the roots of noise, squared, is so much less than its standard deviation.
_OF_NOISE = 1.479
_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


def brightness(pixels: Pixels) -> Floats:
    """(height, width), from 0 to 255. Raises ValueError for anything but pixels of shape (height, width, 3)."""
    check(pixels)
    plane: Floats = pixels.astype(np.float32) @ _WEIGHTS
    return plane


def check(pixels: npt.NDArray[Any]) -> None:
    """Raises ValueError for anything but bytes of shape (height, width, 3)."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape or pixels.dtype != np.uint8:
        raise ValueError(
            f"not pixels of 8 bits and shape (height, width, 3), but {pixels.dtype} {pixels.shape}"
        )


def scaled(plane: Floats, height: int, width: int, how: Image.Resampling = Image.Resampling.BOX) -> Floats:
    return np.asarray(Image.fromarray(plane).resize((width, height), how))


def blurred(plane: Floats, pixels: float) -> Floats:
    """Without what is smaller than so many pixels, roughly."""
    height, width = plane.shape
    small = scaled(plane, max(1, round(height / pixels)), max(1, round(width / pixels)))
    return scaled(small, height, width, Image.Resampling.BICUBIC)


def roughness(fine: Floats, pixels: float) -> Floats:
    """How strong the details `fine` are round each pixel, over so many pixels: the standard deviation, of noise. A
    lone edge counts little, since what is beside it may be flat."""
    roots = np.maximum(blurred(np.sqrt(np.abs(fine)), pixels), 0)
    rough: Floats = roots * roots * np.float32(_OF_NOISE)
    return rough
