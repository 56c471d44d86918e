"""How alike clones are to their people, measured as B: against real views that were no references.

A clone is never compared with the real render of its own view, if there is one.

Compared with a clone's own references a clone flatters itself, since it repeats what they happen to show. A pair is
*verified* below the distance that 1 % of pairs of different people reach on real views. Intervals come from
resampling people: pictures of one person err together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from training.data.testsets import TestPerson
from training.faces import auc, describe_all

JUDGED = 256  # pixels a side of what the descriptor sees
_RESAMPLED = 1000


@dataclass(frozen=True)
class Likeness:
    """Of one set of clones. Shares are from 0 to 1, distances dlib's."""

    pictures: int
    found: float
    """By the plain detector."""
    distance: float
    auc: float
    verified: float
    interval: tuple[float, float]
    """95 %."""
    strangers: float
    """The share of other people's real views that a clone passes for."""

    def row(self) -> dict[str, object]:
        low, high = self.interval
        return {
            "pictures": self.pictures,
            "found": round(self.found, 3),
            "distance": round(self.distance, 3),
            "auc": round(self.auc, 3),
            "verified": round(self.verified, 3),
            "interval": [round(low, 3), round(high, 3)],
            "strangers": round(self.strangers, 4),
        }


@dataclass(frozen=True)
class Judge:
    """The real views of a set of people, described."""

    references: np.ndarray  # (R, 128)
    referred: np.ndarray  # (R,) whose they are
    faces: np.ndarray  # (V, 128) of the galleries
    whose: np.ndarray  # (V,)
    number: np.ndarray  # (V,) of each view in its gallery
    limit: float
    found: float

    @classmethod
    def of(cls, people: Sequence[TestPerson]) -> Self:
        pictures = [np.concatenate([one.references, one.gallery]) for one in people]
        found, faces = described(np.concatenate(pictures))
        whose = np.repeat(np.arange(len(people)), [len(part) for part in pictures])
        number = np.concatenate(
            [np.arange(len(p)) - len(one.references) for p, one in zip(pictures, people, strict=True)]
        )
        apart = np.linalg.norm(faces[:, None] - faces[None], axis=-1)
        limit = float(np.nanquantile(apart[whose[:, None] != whose[None]], 0.01))
        gallery = number >= 0
        return cls(
            faces[~gallery],
            whose[~gallery],
            faces[gallery],
            whose[gallery],
            number[gallery],
            limit,
            float(found.mean()),
        )

    def real(self) -> Likeness:
        """References against the galleries: how alike real views are that are as frontal as clones'."""
        own = np.full(len(self.references), -1)
        return self._judged(self.references, self.referred, own, ~np.isnan(self.references[:, 0]))

    def gallery(self) -> Likeness:
        """The galleries against themselves, turned views and all."""
        return self._judged(self.faces, self.whose, self.number, ~np.isnan(self.faces[:, 0]))

    def clones(self, pictures: np.ndarray, whose: np.ndarray, own: np.ndarray) -> Likeness:
        """Of clones (N, S, S, 3) of people `whose` (N,); `own` (N,) is their own views' number in the gallery."""
        found, faces = described(pictures)
        return self._judged(faces, whose, own, found)

    def _judged(self, faces: np.ndarray, whose: np.ndarray, own: np.ndarray, found: np.ndarray) -> Likeness:
        apart = np.linalg.norm(faces[:, None] - self.faces[None], axis=-1)
        seen = ~np.isnan(apart)
        person = whose[:, None] == self.whose[None]
        twin = person & (own[:, None] == self.number[None])
        same, other = seen & person & ~twin, seen & ~person
        passed = [apart[same & (whose[:, None] == one)] < self.limit for one in np.unique(whose)]
        passed = [one for one in passed if len(one)]
        rng = np.random.default_rng(0)
        again = [
            np.concatenate([passed[k] for k in rng.integers(len(passed), size=len(passed))]).mean()
            for _ in range(_RESAMPLED)
        ]
        low, high = np.quantile(again, [0.025, 0.975])
        return Likeness(
            len(faces),
            float(found.mean()),
            float(apart[same].mean()),
            auc(apart[same], apart[other]),
            float(np.concatenate(passed).mean()),
            (float(low), float(high)),
            float((apart[other] < self.limit).mean()),
        )


def described(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Found (N,) and descriptors (N, 128) of pictures (N, S, S, 3), looked at in the judge's size."""
    small = [cv2.resize(one, (JUDGED, JUDGED), interpolation=cv2.INTER_AREA) for one in pictures]
    return describe_all(np.stack(small))
