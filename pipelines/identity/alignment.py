"""Finds how one small picture must be moved, scaled and turned to lie over another."""

from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from pipelines.identity.sampling import Floats, sample

Mask = npt.NDArray[np.bool_]
Warp = npt.NDArray[np.float64]
"""An affine map of places, shape (3, 3); in units of half a picture's side, from its middle."""

_ROUNDS = 8
# Half pixels: a smaller step ends the search.
_STILL = 0.08
# Half sides: a picture that must be moved further is another cut-out.
_FARTHEST = 0.5
# Keeps the search from running off in directions that the picture says nothing about.
_DAMPING = 1e-3
# The moves that keep shapes, as the six numbers of an affine map: scaling, turning, two shifts.
_SIMILAR = np.array(
    [[1, 0, 0, 0, 1, 0], [0, -1, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]], dtype=np.float64
).T


class Level:
    """A picture (S, S) that others are aligned with inside a mask. All that stays the same is computed in
    advance."""

    def __init__(self, pixels: Floats, mask: Mask, *, stretch: bool) -> None:
        """Without `stretch`, others are only moved, scaled and turned, for which a rough picture has enough
        detail."""
        self._side = len(pixels)
        self._x, self._y = (axis[mask] for axis in centred(self._side))
        values = pixels[mask]
        mean, spread = values.mean(), values.std() + 1e-6
        self._values = (values - mean) / spread
        down, right = (np.gradient(pixels, axis=axis)[mask] * (self._side / 2 / spread) for axis in (0, 1))
        x, y = self._x, self._y
        slopes = np.stack([right * x, right * y, right, down * x, down * y, down], 1)
        steps = np.eye(6) if stretch else _SIMILAR
        slopes = slopes @ steps
        # Gain and bias must not be taken for a move.
        slopes -= slopes.mean(0)
        slopes -= np.outer(self._values, self._values @ slopes / (self._values @ self._values + 1e-6))
        normal = slopes.T @ slopes
        damping = np.eye(len(normal)) * (_DAMPING * np.trace(normal) / len(normal) + 1e-9)
        self._solve = steps @ np.linalg.inv(normal + damping) @ slopes.T

    def begin(self, pixels: Floats) -> tuple[Warp, float]:
        """Finds the best of some warps that only move and scale, where `align` can begin, and the correlation
        there."""
        starts = _starts()
        x, y = (
            starts[:, 0, None] * axis + starts[:, number, None]
            for number, axis in enumerate((self._x, self._y), start=1)
        )
        laid = sample(pixels, *to_pixels(x, y, self._side))
        laid -= laid.mean(1, keepdims=True)
        alike = laid @ self._values / (np.linalg.norm(laid, axis=1) * np.sqrt(len(self._values)) + 1e-6)
        best = int(np.argmax(alike))
        scale, right, down = starts[best]
        warp = np.array([[scale, 0, right], [0, scale, down], [0, 0, 1]], dtype=np.float64)
        return warp, float(alike[best])

    def align(self, pixels: Floats, warp: Warp) -> tuple[Warp, float]:
        """Finds the warp that lays other pixels (S, S) over these, starting at `warp`, and the correlation then.

        The correlation is that before the last step.
        """
        alike = 0.0
        for _ in range(_ROUNDS):
            x, y = moved(warp, self._x, self._y)
            laid = sample(pixels, *to_pixels(x, y, self._side))
            laid -= laid.mean()
            laid /= np.sqrt(laid @ laid / len(laid)) + 1e-6
            alike = float(laid @ self._values) / len(laid)
            step = np.eye(3)
            step[:2] += (self._solve @ (laid - self._values)).reshape(2, 3)
            warp = warp @ np.linalg.inv(step)
            if np.abs(warp - np.eye(3)).max() > _FARTHEST:
                return warp, 0.0
            if np.abs(step - np.eye(3)).max() * self._side < _STILL:
                break
        return warp, alike


@cache
def _starts() -> Floats:
    """Scales, and moves to the right and down, (N, 3): as far as a detector may be wrong about the eyes."""
    moves = (-0.2, -0.1, 0.0, 0.1, 0.2)
    return np.array(list(product((0.84, 1.0, 1.19), moves, moves)), dtype=np.float32)


def centred(side: int) -> tuple[Floats, Floats]:
    """Each pixel's x and y (S, S), from -1 at one edge to 1 at the other."""
    line = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
    return np.broadcast_to(line, (side, side)), np.broadcast_to(line[:, None], (side, side))


def moved(warp: Warp, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Maps places by the warp."""
    a = warp.astype(np.float32)
    return a[0, 0] * x + a[0, 1] * y + a[0, 2], a[1, 0] * x + a[1, 1] * y + a[1, 2]


def to_pixels(x: Floats, y: Floats, side: int) -> tuple[Floats, Floats]:
    """Converts centred places to pixels."""
    return (x + 1) * (side / 2) - 0.5, (y + 1) * (side / 2) - 0.5
