"""Paints the backdrop behind the person."""

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.view import Backdrop


def paint_backdrop(backdrop: Backdrop, size: int) -> Floats:
    """The backdrop as linear light, (size, size, 3)."""
    line: Floats = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    x, y = line[None, :], line[:, None]
    if backdrop.kind == "studio":
        k: Floats = np.clip(1.3 * np.sqrt(x * x + y * y), 0, 1)
    elif backdrop.kind == "plain":
        k = np.clip(0.5 + x * np.cos(backdrop.angle) + y * np.sin(backdrop.angle), 0, 1)
    elif backdrop.kind == "indoor":  # a window out of focus
        half = 0.10 + 0.14 * backdrop.extent
        k = _soft(half - np.abs(x - 0.38 * backdrop.place), 0.06) * _soft(0.34 - np.abs(y + 0.16), 0.06)
    else:  # a horizon out of focus
        k = _soft(y - 0.18 * backdrop.place, 0.06 + 0.14 * backdrop.extent)
    share = np.broadcast_to(k, (size, size))[..., None]
    return np.asarray(backdrop.first * (1 - share) + backdrop.second * share, np.float32)


def _soft(distance: Floats, width: float) -> Floats:
    t = np.clip(distance / (2 * width) + 0.5, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
