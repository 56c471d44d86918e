"""Error rates and thresholds, from similarities of the same and of different people.

The terms are those of ISO/IEC 19795: a genuine pair shows one person, an impostor pair two; FMR is the share of
impostors that a threshold accepts, FNMR the share of genuine ones that it refuses.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.calibration import Comparison, Comparisons, Distribution, Floor
from models.likeness import Metric
from pipelines.identity.faces import Vector
from pipelines.identity.similarity import centroid, similarity

Values = npt.NDArray[np.floating]

_SHARES = (0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1)
_GENUINE_DRAWS, _IMPOSTOR_DRAWS = 8, 1


@dataclass(frozen=True, slots=True)
class Pairs:
    """Similarities of pairs: (N,) of the same person, (M,) of different people. Either may be empty."""

    genuine: Values
    impostor: Values


def compare(metric: Metric, vectors: Vector, people: Sequence[str], sizes: Sequence[int]) -> Comparisons:
    """Compares each of the vectors (N, D), which shows `people[i]`, with the mean of each person's other vectors.

    For one reference all pairs are taken, for more of them seeded draws. A size for which no person has enough
    pictures is left out.
    """
    found = {
        size: one_to_one(metric, vectors, people) if size == 1 else _drawn(metric, vectors, people, size)
        for size in sizes
    }
    return tuple(
        comparison(pairs, size) for size, pairs in found.items() if len(pairs.genuine) and len(pairs.impostor)
    )


def one_to_one(metric: Metric, vectors: Vector, people: Sequence[str]) -> Pairs:
    """The similarities of all pairs of the vectors (N, D)."""
    if not len(vectors):
        return Pairs(np.zeros(0), np.zeros(0))
    rows = np.stack([similarity(metric, vector, vectors) for vector in vectors])
    once = np.triu(np.ones(rows.shape, dtype=bool), 1)
    names = np.array(people)
    same = names[:, None] == names
    return Pairs(rows[once & same], rows[once & ~same])


def comparison(pairs: Pairs, references: int = 1) -> Comparison:
    """Computes error rates and thresholds. Needs at least one similarity of each kind."""
    genuine, impostor = np.sort(pairs.genuine), np.sort(pairs.impostor)
    below = np.searchsorted(impostor, genuine, "left") + np.searchsorted(impostor, genuine, "right")
    steps = np.unique(np.concatenate([genuine, impostor]))
    matches, misses = _rates(genuine, impostor, steps)
    meeting = int(np.argmin(np.abs(matches - misses)))
    return Comparison(
        references=references,
        genuine=distribution(genuine),
        impostor=distribution(impostor),
        auc=float(below.mean() / 2 / len(impostor)),
        eer=float((matches[meeting] + misses[meeting]) / 2),
        at_eer=_floor(genuine, impostor, float(steps[meeting])),
        at_fmr_1_percent=_floor(genuine, impostor, _least(impostor, 0.01)),
        at_fmr_01_percent=_floor(genuine, impostor, _least(impostor, 0.001)),
        widened=_floor(genuine, impostor, _least(impostor, 0.1)),
    )


def distribution(values: Values) -> Distribution:
    """The number and the quantiles of the values, to five digits."""
    quantiles = {f"{share:g}": round(float(np.quantile(values, share)), 5) for share in _SHARES}
    return Distribution(count=len(values), quantiles=quantiles)


def _drawn(metric: Metric, vectors: Vector, people: Sequence[str], size: int) -> Pairs:
    """Similarities of each vector to means of `size` others of its own person, and of each other person."""
    chance, names = np.random.default_rng(size), np.array(people)
    genuine: list[float] = []
    impostor: list[float] = []
    for index, vector in enumerate(vectors):
        for person in np.unique(names):
            others = np.flatnonzero(names == person)
            others = others[others != index]
            if len(others) < size:
                continue
            kind, draws = (genuine, _GENUINE_DRAWS) if person == names[index] else (impostor, _IMPOSTOR_DRAWS)
            means = [
                centroid(metric, vectors[chance.choice(others, size, replace=False)]) for _ in range(draws)
            ]
            kind.extend(similarity(metric, vector, np.array(means)).tolist())
    return Pairs(np.array(genuine), np.array(impostor))


def _rates(genuine: Values, impostor: Values, steps: Values) -> tuple[Values, Values]:
    """FMR and FNMR at each threshold; both kinds sorted."""
    matches = 1 - np.searchsorted(impostor, steps, "left") / len(impostor)
    return matches, np.searchsorted(genuine, steps, "left") / len(genuine)


def _least(impostor: Values, rate: float) -> float:
    """The lowest threshold that accepts at most this share of the impostors (sorted), rounded up.

    With fewer than 1 / rate impostors it lies above all of them.
    """
    taken = math.floor(rate * len(impostor))
    return math.floor(float(impostor[-1 - taken]) * 1e4 + 1) / 1e4


def _floor(genuine: Values, impostor: Values, threshold: float) -> Floor:
    matches, misses = _rates(genuine, impostor, np.array([threshold]))
    return Floor(similarity=threshold, false_matches=float(matches[0]), false_misses=float(misses[0]))
