"""Puts references into a drawing without seams: Laplacian pyramids, each level weighted by an equally smooth mask.

After Burt and Adelson, "A Multiresolution Spline with Application to Image Mosaics" (1983).
"""

from itertools import pairwise

import cv2
import numpy as np

from pipelines.embedded.people.arrays import Floats

_LEVELS = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.6)
"""How much of each level comes from the references, the finest first."""


def blended(drawing: Floats, pixel: np.ndarray, colours: Floats, shares: Floats) -> Floats:
    """Puts references over a drawing (S, S, 3): at pixels (n,), their colours (R, n, 3) have shares (R, n)."""
    size = len(drawing)
    under = _laplacian(drawing)
    out = [level.copy() for level in under]
    for colour, share in zip(colours, shares, strict=True):
        has = share > 1e-3
        if not has.any():
            continue
        picture = drawing.reshape(-1, 3).copy()
        picture[pixel[has]] = colour[has]
        flat = np.zeros(size * size, np.float32)
        flat[pixel] = share
        mask = flat.reshape(size, size)
        over = _laplacian(picture.reshape(size, size, 3))
        for number, strength in enumerate(_LEVELS):
            out[number] += (strength * mask)[..., None] * (over[number] - under[number])
            if number < len(_LEVELS) - 1:
                mask = cv2.pyrDown(mask)
    result = out[-1]
    for level in out[-2::-1]:
        result = cv2.pyrUp(result, dstsize=level.shape[1::-1]) + level
    return np.clip(result, 0, 1)


def _laplacian(picture: Floats) -> list[Floats]:
    """What each level adds to the next coarser one; the coarsest as it is."""
    levels = [np.asarray(picture, np.float32)]
    for _ in _LEVELS[1:]:
        levels.append(cv2.pyrDown(levels[-1]))
    between = [fine - cv2.pyrUp(coarse, dstsize=fine.shape[1::-1]) for fine, coarse in pairwise(levels)]
    return between + levels[-1:]
