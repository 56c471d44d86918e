"""An identity as its code."""

from dataclasses import dataclass

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import Coder, looks_vector
from pipelines.embedded.people.head import Head
from training.people.basis import FittedBasis
from training.people.identity import Identity


@dataclass(frozen=True)
class Encoder(Coder):
    """A coder that also knows the way from an identity to its code."""

    basis: FittedBasis

    def encode(self, head: Head, person: Identity) -> Floats:
        """(CODE,)"""
        return self.join(self.basis.coefficients(head, person.body), looks_of(person))


def looks_of(person: Identity) -> Floats:
    """(LOOKS_SIZE,)"""
    return looks_vector(person.factors, person.looks, person.hair, person.brow)
