"""Chips: small luma pictures of a face, cut out by its eyes, or of a whole picture, to be laid over others."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipelines.identity.faces import Luma
from pipelines.identity.sampling import Floats, sample

SIDE = 64
"""Side of a chip in pixels. A face in it is then about as wide as the smallest face that is judged."""

Chip = npt.NDArray[np.uint8]
"""Luma, shape (SIDE, SIDE)."""

# Where the eyes lie in a face's chip, in parts of its side: it reaches from the hair to the chin.
_LEFT_EYE, _RIGHT_EYE = np.array([0.345, 0.38]), np.array([0.655, 0.38])
_LEAST_APART = 4.0


def face_chip(luma: Luma, eyes: npt.NDArray[np.float32]) -> Chip | None:
    """Cuts a face out by the centres of both eyes (2, 2), the picture's left one first.

    The chip is upright and about three times as wide as the distance between the eyes. Outside of the picture, its
    edge is repeated. None: the eyes are less than four pixels apart, as those of a profile may be.
    """
    left, right = eyes.astype(np.float64)
    if right[0] - left[0] < _LEAST_APART:
        return None
    turn = (complex(*right) - complex(*left)) / (_RIGHT_EYE[0] - _LEFT_EYE[0])
    line = (np.arange(SIDE) + 0.5) / SIDE
    away = (line[None, :] - _LEFT_EYE[0]) + 1j * (line[:, None] - _LEFT_EYE[1])
    places = complex(*left) + turn * away
    step = abs(turn) / SIDE
    around, origin, scale = _around(luma, places, step)
    return _to_bytes(
        sample(around, (places.real - origin[0]) / scale[0], (places.imag - origin[1]) / scale[1])
    )


def whole_chip(luma: Luma) -> Chip:
    """The whole picture, stretched to a square."""
    return np.asarray(Image.fromarray(luma).resize((SIDE, SIDE), Image.Resampling.BOX))


def _around(
    luma: Luma, places: npt.NDArray[np.complex128], step: float
) -> tuple[Floats, tuple[float, float], tuple[float, float]]:
    """What is around places, in pixels of at least `step`; the place of its first pixel; and its pixels' size."""
    height, width = luma.shape
    margin = 2 * max(step, 1.0)
    left, right = (np.clip(edge, 0, width) for edge in _reach(places.real, margin))
    top, bottom = (np.clip(edge, 0, height) for edge in _reach(places.imag, margin))
    # A detector may place a face entirely outside its picture.
    left, top = min(left, width - 1), min(top, height - 1)
    cut = Image.fromarray(
        luma[int(top) : max(int(bottom), int(top) + 1), int(left) : max(int(right), int(left) + 1)]
    )
    size = tuple(max(1, round(side / max(step, 1.0))) for side in cut.size)
    pixels = np.asarray(cut.resize((size[0], size[1]), Image.Resampling.BOX), dtype=np.float32)
    scale = (cut.width / size[0], cut.height / size[1])
    return pixels, (int(left) + scale[0] / 2, int(top) + scale[1] / 2), scale


def _reach(values: npt.NDArray[np.float64], margin: float) -> tuple[float, float]:
    return float(np.floor(values.min() - margin)), float(np.ceil(values.max() + margin))


def _to_bytes(luma: Floats) -> Chip:
    chip: Chip = np.clip(luma + 0.5, 0, 255).astype(np.uint8)
    return chip
