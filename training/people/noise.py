"""Smooth noise that follows from place and seed: skin's unevenness, strands of hair, cloth."""

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True)
def _hash(i: int) -> float:
    i = (i * 374761393 + 668265263) & 0x7FFFFFFF
    i = ((i ^ (i >> 13)) * 1274126177) & 0x7FFFFFFF
    return ((i ^ (i >> 16)) & 0xFFFF) / 65535.0


@njit(cache=True, fastmath=True)
def noise1(x: float, seed: int) -> float:
    """0 to 1, one bump for each unit of x."""
    i = int(np.floor(x))
    f = x - i
    f = f * f * (3 - 2 * f)
    return _hash(i + seed) * (1 - f) + _hash(i + 1 + seed) * f


@njit(cache=True, fastmath=True)
def noise2(x: float, y: float, seed: int) -> float:
    """0 to 1, one bump for each unit square."""
    i, j = int(np.floor(x)), int(np.floor(y))
    f, g = x - i, y - j
    f, g = f * f * (3 - 2 * f), g * g * (3 - 2 * g)
    top = _hash(i + j * 5711 + seed) * (1 - f) + _hash(i + 1 + j * 5711 + seed) * f
    low = _hash(i + (j + 1) * 5711 + seed) * (1 - f) + _hash(i + 1 + (j + 1) * 5711 + seed) * f
    return top * (1 - g) + low * g
