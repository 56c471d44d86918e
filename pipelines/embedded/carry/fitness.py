"""Decides which references the fitted mesh explains well enough to carry, and why others aren't carried."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.embedded.people.arrays import Floats

WIDEST = 50.0
"""Degrees of yaw. Beyond this, half of the points that a fit needs are out of sight."""
SMALLEST = 0.12
"""Height of the face as a fraction of the picture's side. Below this, there are too few pixels to carry."""
MOST_OFF = 0.016
"""How far the points lie from the fitted ones, as a fraction of the face's height. References of the kind that the
networks were trained on have 0.004, nearly all less than 0.009; photographs and other drawings have more."""
MOST_UNEXPLAINED = 0.34
"""The part of skin's brightness that no light explains: 0.04 for renders, more where skin isn't what was fitted."""

Reason = Literal["TURNED", "SMALL", "NOT_FITTED", "LIGHT_NOT_FITTED", "DESCRIBED_OTHERWISE"]


@dataclass(frozen=True)
class LeftOut:
    """A reference that isn't carried. The clone follows it less closely."""

    index: int
    reason: Reason
    message: str
    """A part of a sentence."""


def by_place(index: int, camera: Floats, height: float, off: float) -> LeftOut | None:
    """Judges a reference by its camera (12,), the face's height in the picture, and how far its points are off.
    None: it can be carried."""
    if abs(camera[0]) > WIDEST:
        return LeftOut(
            index,
            "TURNED",
            f"the head is turned {abs(camera[0]):.0f} degrees, and {WIDEST:.0f} can be carried",
        )
    if height < SMALLEST:
        return LeftOut(
            index, "SMALL", f"the face fills {height:.0%} of the picture's height, and needs {SMALLEST:.0%}"
        )
    if not np.isfinite(off) or off > MOST_OFF:
        return LeftOut(
            index,
            "NOT_FITTED",
            "the face isn't of the kind that this profile knows: rendered, bare, seen from the front",
        )
    return None


def by_light(index: int, error: float) -> LeftOut | None:
    """Judges a reference by what the fitted light doesn't explain. None: it can be carried."""
    if not np.isfinite(error) or error > MOST_UNEXPLAINED:
        return LeftOut(
            index, "LIGHT_NOT_FITTED", "its skin or its light isn't of the kind that this profile knows"
        )
    return None
