"""Smooth noise that depends only on place and seed. As in `paint`, one formula serves numbers and arrays."""

from typing import Any

import numpy as np

Values = Any  # a number, or an array


def scrambled(i: Values) -> Values:
    """A whole number, hashed to a value from 0 to 1."""
    i = (i * 374761393 + 668265263) & 0x7FFFFFFF
    i = ((i ^ (i >> 13)) * 1274126177) & 0x7FFFFFFF
    return ((i ^ (i >> 16)) & 0xFFFF) / 65535.0


def noise1(x: Values, seed: int) -> Values:
    """Smooth noise from 0 to 1, with one bump for each unit of x."""
    i = np.int64(np.floor(x))
    f = x - i
    f = f * f * (3 - 2 * f)
    return scrambled(i + seed) * (1 - f) + scrambled(i + 1 + seed) * f


def noise2(x: Values, y: Values, seed: int) -> Values:
    """Smooth noise from 0 to 1, with one bump for each unit square."""
    i, j = np.int64(np.floor(x)), np.int64(np.floor(y))
    f, g = x - i, y - j
    f, g = f * f * (3 - 2 * f), g * g * (3 - 2 * g)
    top = scrambled(i + j * 5711 + seed) * (1 - f) + scrambled(i + 1 + j * 5711 + seed) * f
    low = scrambled(i + (j + 1) * 5711 + seed) * (1 - f) + scrambled(i + 1 + (j + 1) * 5711 + seed) * f
    return top * (1 - g) + low * g
