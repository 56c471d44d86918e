"""An identity as its code."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import BROWS, COLOURS, STRENGTHS, STYLES, Coder
from pipelines.embedded.people.colour import to_srgb
from pipelines.embedded.people.head import Head
from training.people.basis import FittedBasis
from training.people.identity import Identity


@dataclass(frozen=True)
class Encoder(Coder):
    """A coder that also knows the way from an identity to its code."""

    basis: FittedBasis

    def encode(self, head: Head, person: Identity) -> Floats:
        """(CODE,)"""
        return self.join(self.basis.coefficients(head, person.body), looks_vector(person))


def looks_vector(person: Identity) -> Floats:
    """(LOOKS_SIZE,), colours as sRGB."""
    looks = person.looks
    parts: list[Any] = [person.ancestry, [person.male, person.age, person.weight]]
    parts += [to_srgb(getattr(looks, name)) for name in COLOURS]
    parts += [[getattr(looks, name) for name in STRENGTHS]]
    parts += [[looks.mole, looks.mole * looks.mole_x, looks.mole * (looks.mole_y - 6.7)]]
    parts += [[looks.beard, looks.beard * looks.beard_jaw, looks.beard * looks.beard_moustache]]
    parts += [np.eye(len(STYLES))[STYLES.index(person.hair)], np.eye(BROWS)[person.brow]]
    return np.concatenate(parts).astype(np.float32)
