"""The skin's own colour at a place: unevenness, blush, lines, freckles, lips, beard, brows."""

# ruff: noqa: PLR0917 - numba inlines what a kernel calls, and takes arguments by position only

import numpy as np
from numba import njit

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.looks import Looks
from training.people.compiled import around_eyes, beard, blush, brow_cover, noise1, noise2, scalp, step


@njit(cache=True, fastmath=True)
def skin_colour(
    bx: float,
    y: float,
    z: float,
    lips: float,
    lids: float,
    ears: float,
    mouth: float,
    looks: Looks,
    brow: Floats,
) -> tuple[float, float, float]:
    """Linear RGB of the place (bx, y, z) on the average person; the marks are those of `head.Head`."""
    x = abs(bx)
    front = step(0.4, 1.0, z)
    dark = 1 + 0.10 * (noise2(bx * 6 + 31, y * 6 + 17, looks.grain) - 0.5)
    dark += 0.05 * (noise2(bx * 22 + 31, y * 22 + 17, looks.grain + 7) - 0.5)
    redder = blush(x, y, z, ears, looks.blush)
    dark *= around_eyes(x, y, z, lids, looks.sockets)
    if looks.freckles > 0:
        spots = step(0.70, 0.80, noise2(bx * 30, y * 30, looks.grain + 91)) * front
        dark *= 1 - 0.18 * looks.freckles * spots * np.exp(-((x - 0.3) ** 2) / 0.12 - (y - 6.95) ** 2 / 0.10)
    if looks.mole > 0:
        from_mole = (bx - looks.mole_x) ** 2 + (y - looks.mole_y) ** 2
        dark *= 1 - 0.65 * looks.mole * np.exp(-from_mole / 0.0012) * front
    if looks.lines > 0:
        beside = x - (0.20 + (6.95 - y) * 0.42)
        fold = np.exp(-beside * beside / 0.0012) * step(6.5, 6.6, y) * (1 - step(6.85, 6.98, y)) * front
        waves = (0.5 + 0.5 * np.sin(y * 52 + noise1(bx * 3, looks.grain) * 2)) ** 4
        forehead = waves * step(7.62, 7.72, y) * (1 - step(7.95, 8.1, y)) * (1 - step(0.35, 0.55, x)) * front
        dark *= 1 - looks.lines * (0.30 * fold + 0.16 * forehead)
    red = looks.skin[0] * dark * (1 + 0.12 * redder)
    green = looks.skin[1] * dark * (1 - 0.16 * redder)
    blue = looks.skin[2] * dark * (1 - 0.14 * redder)
    red = red * (1 - lips) + looks.lips[0] * lips
    green = green * (1 - lips) + looks.lips[1] * lips
    blue = blue * (1 - lips) + looks.lips[2] * lips
    red = red * (1 - mouth) + 0.16 * mouth
    green = green * (1 - mouth) + 0.05 * mouth
    blue = blue * (1 - mouth) + 0.04 * mouth
    hairy = brow_cover(x, y, z, looks, brow)
    if looks.beard > 0:
        stubble = beard(x, y, z, lips, looks.beard_jaw, looks.beard_moustache, looks.beard)
        stubble *= 0.8 + 0.4 * noise2(bx * 45, y * 30, looks.grain + 5)
        hairy = max(hairy, min(1.0, stubble))
    red = red * (1 - hairy) + looks.brow[0] * hairy
    green = green * (1 - hairy) + looks.brow[1] * hairy
    blue = blue * (1 - hairy) + looks.brow[2] * hairy
    hidden = scalp(x, y, z, ears, looks.scalp)
    return (
        red * (1 - hidden) + looks.hair[0] * hidden,
        green * (1 - hidden) + looks.hair[1] * hidden,
        blue * (1 - hidden) + looks.hair[2] * hidden,
    )
