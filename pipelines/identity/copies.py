"""Measures where a fresh picture of a face ends and a copy begins, on copies made for it."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from models.calibration import CopiesCaught, CopyCeiling, CopyKind
from pipelines.identity.pixels import Pixels
from pipelines.identity.portrait import Portrait
from pipelines.identity.statistics import distribution

# Pictures that couldn't be aligned have nothing in common.
_ALL = 1.0
# Shares of the copies and of the fresh pairs between which the limit lies. The few beyond are faces that a detector
# sees elsewhere once they are moved, and pictures that a folder has twice.
_MOST_COPIES, _FEW_FRESH = 0.95, 0.005


def copy_ceiling(
    people: Sequence[Sequence[Portrait]], copies: Mapping[CopyKind, Sequence[tuple[Portrait, Portrait]]]
) -> CopyCeiling:
    """Measures the limit from each person's different pictures, and from pictures with their copies of each kind.

    The limit lies between nearly all copies and nearly all fresh pairs, two thirds of the way on a logarithmic
    scale: a picture into which a reference's pixels were carried, in that reference's own view and light, differs
    more than a plain copy does. Where copies and fresh pairs overlap, the limit lies just before the fresh pairs.
    """
    fresh = np.array([_difference(*pair) for portraits in people for pair in combinations(portraits, 2)])
    measured = {
        kind: np.array([_difference(copy, one) for one, copy in pairs]) for kind, pairs in copies.items()
    }
    every = np.concatenate(list(measured.values()))
    most, few = float(np.quantile(every, _MOST_COPIES)), float(np.quantile(fresh, _FEW_FRESH, method="lower"))
    limit = np.floor((most ** (1 / 3) * few ** (2 / 3) if most < few else few * 0.99) * 1e5) / 1e5
    return CopyCeiling(
        difference=float(limit),
        fresh=distribution(fresh),
        fresh_refused=_share(fresh, limit),
        copies=distribution(every),
        caught=tuple(
            CopiesCaught(kind=kind, count=len(values), caught=_share(values, limit))
            for kind, values in measured.items()
        ),
    )


def _difference(one: Portrait, other: Portrait) -> float:
    difference = Pixels(one).difference(other, mirror=True)
    return _ALL if difference is None else min(difference, _ALL)


def _share(differences: npt.NDArray[np.float64], limit: float) -> float:
    return float(np.mean(differences <= limit))
