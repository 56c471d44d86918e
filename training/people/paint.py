"""What is painted on the skin, by its place on the average person: brows, beard, scalp, a shirt.

Every function gives a cover from 0 to 1. They are written without branches, in numpy's functions, so that
numba compiles them for one pixel in the renderer and numpy runs them on whole rasters in `people.buffers`.
Places are in decimetres of the rest pose: x is the distance from the face's middle line, y the height,
z towards the nose. Landmarks there: eyes y 7.28, mouth 6.70, chin 6.15, hairline 8.0.
"""

# ruff: noqa: PLR0917 - numba inlines what a kernel calls, and takes arguments by position only


# mypy: disable-error-code="no-untyped-def,no-untyped-call,no-any-return"

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True)
def step(low, high, x):
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.minimum(np.maximum((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@njit(cache=True, fastmath=True)
def beard(x, y, z, lips, jaw, moustache, dense):
    on_jaw = (
        (1 - step(6.52, 6.76, y - 0.5 * np.maximum(x - 0.35, 0.0)))
        * step(5.95, 6.15, y)
        * step(0.35, 0.75, z)
    )
    above = 0.75 * np.exp(-((y - 6.775) ** 2) / 0.0030) * (1 - step(0.24, 0.44, x)) * step(1.2, 1.4, z)
    return np.minimum(1.0, on_jaw * jaw + above * moustache) * (1 - lips) * dense


@njit(cache=True, fastmath=True)
def scalp(x, y, z, ears, strength):
    top = step(7.95, 8.12, y - 0.10 * x * x)
    behind = (1 - step(0.15, 0.55, z)) * step(6.6, 6.9, y) * (1 - ears)
    return np.maximum(top, behind) * strength


@njit(cache=True, fastmath=True)
def brow_place(x, y, lift, tall):
    """Where in the brow's texture (128 px) that place is: column, row. Outside 0…126 there is no brow."""
    column = 29.0 + (x - 0.180) * (61.0 / 0.31)
    rise = 13.0 * (1 - np.minimum(np.maximum((column - 15.0) / 60.0, 0.0), 1.4))
    return column, 72.0 - (y - 7.335 + lift) * (61.0 / 0.31) * tall + rise


@njit(cache=True, fastmath=True)
def shirt(x, y, z, neckline, plunge, slope):
    """How far a place lies below the shirt's edge, in decimetres; negative is bare skin."""
    in_front = step(0.15, 0.25, z)
    edge = neckline + 0.5 * step(0.55, 1.2, x) - plunge * np.maximum(0.0, 1 - x * slope) * in_front
    return edge - y
