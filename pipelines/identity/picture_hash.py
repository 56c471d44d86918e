"""A perceptual hash: 64 bits that stay nearly the same when a picture is scaled, re-encoded or toned.

The usual pHash (that of the library `imagehash`, which would bring SciPy along for these few lines): whether each
of the 8 x 8 lowest frequencies of the picture's 32 x 32 luma is above their median.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

_SIDE, _KEPT = 32, 8
_PLACES = np.arange(_SIDE)
# The rows of the discrete cosine transform (type II) that are kept.
_DCT = np.cos(np.pi / _SIDE * (_PLACES + 0.5) * np.arange(_KEPT)[:, None])

Hashes = npt.NDArray[np.bool_]
"""A picture's hash and that of its mirror image, shape (2, 64)."""


def picture_hashes(image: Image.Image) -> Hashes:
    """Hashes an image of any mode and size, and its mirror image."""
    luma = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return np.stack([_bits(luma), _bits(ImageOps.mirror(luma))])


def bits_apart(one: Hashes, other: Hashes, *, mirror: bool = True) -> tuple[int, bool]:
    """How many of 64 bits differ, and whether that is the distance of the mirrored image, which is smaller.

    Without `mirror`, the pictures are compared as they are.
    """
    plain, mirrored = (one != other[0]).sum(1)
    if mirror and mirrored < plain:
        return int(mirrored), True
    return int(plain), False


def _bits(luma: Image.Image) -> npt.NDArray[np.bool_]:
    waves = (_DCT @ np.asarray(luma, dtype=np.float64) @ _DCT.T).ravel()
    bits: npt.NDArray[np.bool_] = waves > np.median(waves)
    return bits
