"""Smooth noise along a line, the same as the training renderer's."""

import numpy as np

from pipelines.embedded.people.arrays import Floats


def noise1(x: Floats, seed: int) -> Floats:
    """0 to 1, one bump for each unit of x."""
    i = np.floor(x).astype(np.int64)
    f = (x - i).astype(np.float32)
    f = f * f * (3 - 2 * f)
    return np.asarray(_hash(i + seed) * (1 - f) + _hash(i + 1 + seed) * f)


def _hash(i: np.ndarray) -> Floats:
    i = (i * 374761393 + 668265263) & 0x7FFFFFFF
    i = ((i ^ (i >> 13)) * 1274126177) & 0x7FFFFFFF
    return (((i ^ (i >> 16)) & 0xFFFF) / 65535.0).astype(np.float32)
