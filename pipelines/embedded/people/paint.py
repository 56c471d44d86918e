"""What is painted on a person, by place on the average person: brows, beard, scalp, a shirt; and their colours.

The functions are written without branches, in numpy's functions, so that numpy runs them on all pixels at once and
`training.people.compiled` makes them run in a renderer, which goes from pixel to pixel. Covers are from 0 to 1,
colours are linear RGB as three values. Places are in decimetres of the rest pose: x is the distance from the face's
middle line, y the height, z towards the nose. Landmarks there: eyes y 7.28, mouth 6.70, chin 6.15, hairline 8.0.
"""

# ruff: noqa: PLR0917 - numba takes arguments by position only

from typing import Any

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.looks import Looks
from pipelines.embedded.people.noise import noise1
from pipelines.embedded.people.view import Outfit

Values = Any  # a number, or an array with one for each pixel
Colour = tuple[Values, Values, Values]

TEETH, LASH = (0.86, 0.83, 0.76), (0.06, 0.04, 0.035)


def step(low: float, high: float, x: Values) -> Values:
    """A smooth step of `x`: 0 below `low`, 1 above `high`."""
    t = np.minimum(np.maximum((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def blush(x: Values, y: Values, z: Values, ears: Values, strength: float) -> Values:
    """How much redder a place is than the rest of the skin."""
    cheek = np.exp(-((x - 0.48) ** 2 / 0.05 + (y - 6.93) ** 2 / 0.05))
    nose = 0.8 * np.exp(-(x**2 / 0.02 + (y - 6.93) ** 2 / 0.03)) * step(1.4, 1.6, z)
    return strength * ((cheek + nose) * step(0.4, 1.0, z) + 0.4 * ears)


def around_eyes(x: Values, y: Values, z: Values, lids: Values, sockets: float) -> Values:
    """How bright skin is in the sockets of the eyes and on the lids."""
    socket = np.exp(-((x - 0.31) ** 2 / 0.030 + (y - 7.24) ** 2 / 0.016)) * step(0.4, 1.0, z)
    return (1 - (0.16 + 0.16 * sockets) * socket) * (1 - 0.10 * lids)


def strand_brightness(bx: Values, y: Values, z: Values, curl: float, grain: int) -> Values:
    """How bright strands of hair are. `bx` is negative on one side."""
    angle = np.arctan2(bx, z - 0.4)
    wide = noise1(angle * 34 + y * 1.5 * curl, grain)
    fine = noise1(angle * 90 + y * 3.0 * curl, grain + 50)
    return 0.62 + 0.62 * (0.6 * wide + 0.4 * fine)


def beard(
    x: Values, y: Values, z: Values, lips: Values, jaw: float, moustache: float, dense: float
) -> Values:
    """The beard's cover."""
    on_jaw = (
        (1 - step(6.52, 6.76, y - 0.5 * np.maximum(x - 0.35, 0.0)))
        * step(5.95, 6.15, y)
        * step(0.35, 0.75, z)
    )
    above = 0.75 * np.exp(-((y - 6.775) ** 2) / 0.0030) * (1 - step(0.24, 0.44, x)) * step(1.2, 1.4, z)
    return np.minimum(1.0, on_jaw * jaw + above * moustache) * (1 - lips) * dense


def scalp(x: Values, y: Values, z: Values, ears: Values, strength: float) -> Values:
    """The cover of the hair's colour on the scalp."""
    top = step(7.95, 8.12, y - 0.10 * x * x)
    behind = (1 - step(0.15, 0.55, z)) * step(6.6, 6.9, y) * (1 - ears)
    return np.maximum(top, behind) * strength


def brow_place(x: Values, y: Values, lift: float, tall: float) -> tuple[Values, Values]:
    """The column and row of a place in the brow's texture (128 px). Outside 0…126 there is no brow."""
    column = 29.0 + (x - 0.180) * (61.0 / 0.31)
    rise = 13.0 * (1 - np.minimum(np.maximum((column - 15.0) / 60.0, 0.0), 1.4))
    return column, 72.0 - (y - 7.335 + lift) * (61.0 / 0.31) * tall + rise


def brow_cover(x: Values, y: Values, z: Values, looks: Looks, brow: Floats) -> Values:
    """The brow's cover. `brow` is a texture (128, 128), interpolated between its pixels."""
    u, v = brow_place(x, y, looks.brow_lift, looks.brow_tall)
    above_eye = (y > 7.30) & (y < 7.80) & (z > 0.6) & (u >= 0) & (u < 126) & (v >= 0) & (v < 126)
    u, v = np.minimum(np.maximum(u, 0.0), 126.0), np.minimum(np.maximum(v, 0.0), 126.0)
    i, j = np.int64(u), np.int64(v)
    f, g = u - i, v - j
    top = brow[j, i] * (1 - f) + brow[j, i + 1] * f
    low = brow[j + 1, i] * (1 - f) + brow[j + 1, i + 1] * f
    return np.minimum(1.0, (top * (1 - g) + low * g) * looks.brow_dense) * above_eye


def shirt(x: Values, y: Values, z: Values, neckline: float, plunge: float, slope: float) -> Values:
    """How far a place lies below the shirt's edge, in decimetres; negative is bare skin."""
    in_front = step(0.15, 0.25, z)
    edge = neckline + 0.5 * step(0.55, 1.2, x) - plunge * np.maximum(0.0, 1 - x * slope) * in_front
    return edge - y


def cloth_colour(y: Values, outfit: Outfit) -> Colour:
    """The thread's colour at that height."""
    second = outfit.striped * (np.sin(y * outfit.stripes) > 0.2)
    return (
        outfit.colour[0] * (1 - second) + outfit.second[0] * second,
        outfit.colour[1] * (1 - second) + outfit.second[1] * second,
        outfit.colour[2] * (1 - second) + outfit.second[2] * second,
    )


def eye_colour(u: Values, v: Values, eye: Floats, iris: Floats, looks: Looks) -> Colour:
    """The eye's colour at (u, v) of its textures, which have 256 pixels a side."""
    i = np.int64(np.minimum(np.maximum(u * 255, 0.0), 255.0))
    j = np.int64(np.minimum(np.maximum(255 - v * 255, 0.0), 255.0))
    k = iris[j, i]
    bright = (eye[j, i, 0] + eye[j, i, 1] + eye[j, i, 2]) * 2.4 * k
    return (
        eye[j, i, 0] * (1 - k) + looks.iris[0] * bright,
        eye[j, i, 1] * (1 - k) + looks.iris[1] * bright,
        eye[j, i, 2] * (1 - k) + looks.iris[2] * bright,
    )
