"""Where a fresh picture of a face ends and a copy begins, as measured on copies made for it."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import combinations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from models.calibration import CopyCeiling
from models.likeness import Metric
from pipelines.identity.picture_hash import bits_apart
from pipelines.identity.portrait import Portrait
from pipelines.identity.similarity import similarity
from pipelines.identity.statistics import distribution

_QUALITY = 70


def copies_of(image: Image.Image) -> Iterator[Image.Image]:
    """Two of an RGB image, both encoded as JPEG: first at half the size, then mirrored."""
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    for copy in (half, ImageOps.mirror(image)):
        file = BytesIO()
        copy.save(file, "JPEG", quality=_QUALITY)
        yield Image.open(file).convert("RGB")


def copy_ceiling(
    metric: Metric,
    people: Sequence[Sequence[Portrait]],
    halved: Sequence[tuple[Portrait, Portrait]],
    mirrored: Sequence[tuple[Portrait, Portrait]],
) -> CopyCeiling:
    """From each person's different pictures, and from pictures with their copies; all with a face.

    The limit of the hashes lies half way between fresh pictures and nearly all copies, for they are to catch every
    copy of a whole picture. That of the faces lies half way from the most alike fresh pair to the median copy: it
    is for a copied face in another frame, and a fresh picture that it refuses costs a render. Mirrored faces are
    left out of it, since a descriptor isn't the same for them. Where the kinds overlap, a limit lies just beyond
    the fresh pictures.
    """
    fresh = np.array([_apart(metric, *pair) for portraits in people for pair in combinations(portraits, 2)])
    copies = np.array([_apart(metric, *pair) for pair in (*halved, *mirrored)])
    fresh_alike, fresh_bits = fresh.T
    highest, typical = float(fresh_alike.max()), float(np.median(copies[: len(halved), 0]))
    limit = round(max((highest + typical) / 2, highest + 1e-4), 4)
    fewest, most = float(fresh_bits.min()), float(np.quantile(copies[:, 1], 0.99))
    bits = int((fewest + most) / 2 if most < fewest else max(0, fewest - 1))
    return CopyCeiling(
        similarity=limit,
        hash_bits=bits,
        copies=distribution(copies[: len(halved), 0]),
        copies_caught=_share(copies, limit, bits),
        fresh_refused=_share(fresh, limit, bits),
    )


def _apart(metric: Metric, one: Portrait, other: Portrait) -> tuple[float, int]:
    """Similarity of the faces, and how many bits of the hashes differ."""
    if one.vector is None or other.vector is None:
        raise ValueError("a portrait without a face has no similarity")
    return float(similarity(metric, one.vector, other.vector[None])[0]), bits_apart(one.hashes, other.hashes)[
        0
    ]


def _share(pairs: npt.NDArray[np.float64], limit: float, bits: int) -> float:
    return float(np.mean((pairs[:, 0] >= limit) | (pairs[:, 1] <= bits)))
