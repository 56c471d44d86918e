"""Which seeds are whose. An identity follows from its seed, so that disjoint ranges are disjoint people."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people.view import View, sample_view


@dataclass(frozen=True)
class Split:
    """A range of identities, and how many views each has."""

    name: str
    first_seed: int
    identities: int
    views: int

    def seed(self, index: int) -> int:
        return self.first_seed + index


LIMIT = 1_000_000
"""No split has more identities than the distance of two first seeds."""


def splits(identities: int, held_out: int) -> tuple[Split, Split]:
    """Training and held-out people."""
    if max(identities, held_out) > LIMIT:
        raise ValueError(f"At most {LIMIT} identities.")
    return Split("train", 1 * LIMIT, identities, 4), Split("held_out", 9 * LIMIT, held_out, 12)


BASIS_FIRST_SEED = 5 * LIMIT
"""The people whose shapes the basis is fitted to: neither trained on nor tested with."""


def view_of(seed: int, number: int) -> View:
    """The view with that number of an identity."""
    return sample_view(np.random.default_rng([seed, 1, number]))
