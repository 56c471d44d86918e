"""Decides which references to believe where they contradict each other or the drawing, compared without detail."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.embedded.drawing.edges import PIXELS, smooth
from pipelines.embedded.drawing.samples import Kind, Samples
from pipelines.embedded.people.arrays import Floats

_BLUR = 3.0  # pixels of 512
_DRAWN_VOTES = 0.25  # how much the drawing counts among the references
_SEEN = 1e-4  # a reference with a greater weight shows a place

# sRGB differences from which disbelief begins, and at which it is complete.
_SKIN = (0.10, 0.22)
_FEATURE = (0.22, 0.40)
_HAIR = (0.06, 0.12)
_AMONG = (0.08, 0.18)


@dataclass(frozen=True)
class Zones:
    """Samples (n,) at which drawing and references may differ without either being wrong."""

    brow: np.ndarray
    lenient: Floats  # 0 to 1

    @classmethod
    def of(cls, samples: Samples, feature: Floats) -> "Zones":
        """Finds the zones. `feature` (n,) is that of `drawing.albedo.Albedo`."""
        x, y, z = np.abs(samples.anchor[:, 0]), samples.anchor[:, 1], samples.anchor[:, 2]
        brow = (z > 0.55) & (y > 7.28) & (y < 7.85) & (x < 0.85)
        jaw = (z > 0.35) & (y > 5.9) & (y < 6.75)
        mouth = (z > 0.9) & (y > 6.35) & (y < 6.95) & (x < 0.5)
        lenient = np.maximum(np.clip(feature * 1.5, 0, 1), brow | mouth | jaw)
        return cls(brow, lenient)


def believed(samples: Samples, colours: Floats, weights: Floats, drawn: Floats, zones: Zones) -> Floats:
    """Reduces `weights` (R, n) where colours (R, n, 3), sRGB 0 to 1, aren't believed, and returns them.

    `drawn` (n, 3) is the drawing.
    """
    wide = np.stack(
        [_blurred(samples, colour, weight > _SEEN) for colour, weight in zip(colours, weights, strict=True)]
    )
    drawn_wide = _blurred(samples, drawn, np.ones(len(drawn), bool))
    votes = _DRAWN_VOTES * ~zones.brow * weights.sum(0, keepdims=True) + 1e-6
    middle = _weighted_median(np.concatenate([wide, drawn_wide[None]]), np.concatenate([weights, votes]))
    hair = samples.kind == Kind.HAIR
    low, high = (
        np.where(hair, h, np.where(zones.brow, 2 * f + 0.2, s + (f - s) * zones.lenient))
        for s, f, h in zip(_SKIN, _FEATURE, _HAIR, strict=True)
    )
    among = (_AMONG[0] * (1 + 1.5 * zones.lenient), _AMONG[1] * (1 + 1.5 * zones.lenient))
    seconded = _seconded(wide, weights, among)
    out = np.empty_like(weights)
    for number, weight in enumerate(weights):
        as_drawn = 1 - smooth(low, high, _apart(wide[number], drawn_wide))
        as_most = 1 - smooth(among[0], among[1], _apart(wide[number], middle))
        out[number] = weight * np.where(hair, as_drawn, np.maximum(as_drawn, seconded[number])) * as_most
    return out


def _seconded(wide: Floats, weights: Floats, among: tuple[Floats, Floats]) -> Floats:
    """(R, n) how far another reference that shows the place agrees."""
    out = np.zeros_like(weights)
    for one in range(len(weights)):
        for other in range(len(weights)):
            if one != other:
                alike = 1 - smooth(among[0], among[1], _apart(wide[one], wide[other]))
                heard = smooth(0.005, 0.05, weights[other] / (weights[one] + 1e-9)) * (weights[other] > _SEEN)
                out[one] = np.maximum(out[one], alike * heard)
    return out


def _apart(one: Floats, other: Floats) -> Floats:
    """(n,) the largest difference in a channel. Column by column: far quicker than along so short an axis."""
    red, green, blue = np.abs(one - other).T
    return np.asarray(np.maximum(np.maximum(red, green), blue))


def _blurred(samples: Samples, colour: Floats, where: np.ndarray) -> Floats:
    """(n, 3) colours (n, 3) blurred among the samples `where` (n,)."""
    size = samples.size
    planes = np.zeros((size * size, 4), np.float32)
    planes[samples.pixel, :3] = colour * where[:, None]
    planes[samples.pixel, 3] = where
    blurred = cv2.GaussianBlur(planes.reshape(size, size, 4), (0, 0), _BLUR * size / PIXELS)
    blurred = blurred.reshape(-1, 4)[samples.pixel]
    return np.asarray(blurred[:, :3] / (blurred[:, 3:] + 1e-4))


def _weighted_median(values: Floats, weights: Floats) -> Floats:
    """Along the first axis: values (R, n, C), weights (R, n)."""
    order = values.argsort(0)
    ordered = np.take_along_axis(values, order, 0)
    weighed = np.take_along_axis(np.broadcast_to(weights[..., None], values.shape), order, 0)
    reached = weighed.cumsum(0)
    at = (reached >= 0.5 * reached[-1:]).argmax(0)
    return np.asarray(np.take_along_axis(ordered, at[None], 0)[0])
