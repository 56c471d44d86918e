"""Smooth noise in two dimensions that follows from place and seed: skin's unevenness, freckles, cloth."""

import numpy as np
from numba import njit

from training.people.compiled import scrambled


@njit(cache=True, fastmath=True)
def noise2(x: float, y: float, seed: int) -> float:
    """0 to 1, one bump for each unit square."""
    i, j = int(np.floor(x)), int(np.floor(y))
    f, g = x - i, y - j
    f, g = f * f * (3 - 2 * f), g * g * (3 - 2 * g)
    top = scrambled(i + j * 5711 + seed) * (1 - f) + scrambled(i + 1 + j * 5711 + seed) * f
    low = scrambled(i + (j + 1) * 5711 + seed) * (1 - f) + scrambled(i + 1 + (j + 1) * 5711 + seed) * f
    value: float = top * (1 - g) + low * g
    return value
