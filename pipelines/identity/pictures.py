"""Converts and measures pictures for the gate."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from models.likeness import FaceBox
from pipelines.identity.faces import Luma, Picture, Vector

_FACE_SIDE = 128
_GRID, _TURNS, _SHADES = 4, 8, 4
_SIGHT = 128


def as_picture(image: Image.Image) -> Picture:
    """Converts an image of any mode to RGB, with white where it is transparent."""
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        image = Image.alpha_composite(white, layer)
    return np.ascontiguousarray(np.asarray(image.convert("RGB")))


def sharpness(luma: Luma, box: FaceBox) -> float:
    """Variance of the Laplacian of the luma in a box, scaled to 128 x 128 pixels."""
    cut = Image.fromarray(luma).crop((box.left, box.top, box.right, box.bottom))
    face = np.asarray(cut.resize((_FACE_SIDE, _FACE_SIDE), Image.Resampling.LANCZOS), dtype=np.float64)
    middle = face[1:-1, 1:-1]
    around = face[:-2, 1:-1] + face[2:, 1:-1] + face[1:-1, :-2] + face[1:-1, 2:]
    return float((around - 4 * middle).var())


def whole_vector(picture: Picture) -> Vector:
    """Describes the whole picture, for subjects without a face, by its colours and the directions of its edges.

    It holds the square roots of two histograms in each of 4 x 4 fields, of 64 colours and of 8 directions, so that
    the cosine of two vectors is between 0 and 1. Shape (1152,). It knows nothing of meaning: another view of the
    same thing before another background is a different picture to it.
    """
    sight = ImageOps.pad(Image.fromarray(picture), (_SIGHT, _SIGHT), Image.Resampling.BILINEAR)
    pixels = np.asarray(sight)
    fields = _fields()
    shades = (pixels // (256 // _SHADES)).astype(np.int64) @ np.array([_SHADES**2, _SHADES, 1])
    colours = np.bincount((fields * _SHADES**3 + shades).ravel(), minlength=_GRID**2 * _SHADES**3)
    luma = np.asarray(sight.convert("L"), dtype=np.float64)
    down, right = np.gradient(luma)
    turns = ((np.arctan2(down, right) % np.pi) / np.pi * _TURNS).astype(np.int64) % _TURNS
    edges = np.bincount(
        (fields * _TURNS + turns).ravel(), np.hypot(down, right).ravel(), minlength=_GRID**2 * _TURNS
    )
    halves = [np.sqrt(half / max(half.sum(), 1e-9)) for half in (colours, edges)]
    return np.concatenate(halves).astype(np.float32)


def _fields() -> npt.NDArray[np.int64]:
    """The number of the field that each pixel lies in."""
    place = np.arange(_SIGHT) * _GRID // _SIGHT
    return place[:, None] * _GRID + place
