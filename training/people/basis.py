"""Fits the shape basis to people, and finds a person's coefficients in it."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.head import Head
from pipelines.embedded.people.shape import ShapeBasis

COMPONENTS = 96


@dataclass(frozen=True)
class FittedBasis(ShapeBasis):
    """With what leads from a body to its coefficients."""

    read: Floats  # (K, N, 3) coefficients = read · (body - mean)
    explained: float  # the part of the (weighted) variance that K components hold

    @classmethod
    def of(cls, basis: ShapeBasis, head: Head) -> Self:
        """A basis that was packed, with the way back, which follows from it: its components are orthogonal."""
        read = basis.components * _weight(head) ** 2
        return cls(basis.mean, basis.components, basis.spread, read, explained=float("nan"))

    def coefficients(self, head: Head, body: Floats) -> Floats:
        """(N, 3) → (K,)"""
        away = aligned(head, body) - self.mean
        return np.asarray(np.einsum("knc,nc->k", self.read, away), np.float32)


def aligned(head: Head, body: Floats) -> Floats:
    """The body moved so that its eyes are where the average person has them: a view centres them anyway."""
    shift = head.eyes.place(head.base).mean(0) - head.eyes.place(body).mean(0)
    return np.asarray(body + shift * np.array([0, 1, 1], np.float32), np.float32)


def fit_basis(head: Head, bodies: Floats, components: int = COMPONENTS) -> FittedBasis:
    """Of `bodies` (M, N, 3), already aligned. The face counts most, the body below the neck hardly."""
    weight = _weight(head)
    mean = bodies.mean(0)
    flat = ((bodies - mean) * weight).reshape(len(bodies), -1)
    # The sample is smaller than a body has numbers: decompose its (M, M) products instead.
    values, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64))
    order = np.argsort(values)[::-1][: min(components, len(bodies) - 1)]
    order = order[values[order] > 1e-9 * values[order[0]]]  # rounding leaves a few directions without length
    axes = (vectors[:, order].T @ flat) / np.sqrt(values[order])[:, None]
    axes = axes.reshape(len(order), *mean.shape).astype(np.float32)
    return FittedBasis(
        mean=mean,
        components=axes / weight,
        spread=np.sqrt(values[order] / len(bodies)).astype(np.float32),
        read=axes * weight,
        explained=float(values[order].sum() / values.sum()),
    )


def _weight(head: Head) -> Floats:
    """(N, 1) how much each vertex counts."""
    y, z, x = head.base[:, 1], head.base[:, 2], np.abs(head.base[:, 0])
    weight = np.where((z > 0.5) & (x < 0.8) & (y > 6.0), 1.0, 0.35)
    return np.where(y < 5.8, 0.06, weight).astype(np.float32)[:, None]
