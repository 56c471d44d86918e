"""The shape of a head as few numbers: principal components over many people who don't exist."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from training.people.head import Head
from training.people.wavefront import Floats

COMPONENTS = 96


@dataclass(frozen=True)
class ShapeBasis:
    """body = mean + coefficients · components, with the eyes' centre always in the same place."""

    mean: Floats  # (N, 3)
    components: Floats  # (K, N, 3)
    read: Floats  # (K, N, 3) coefficients = read · (body - mean)
    spread: Floats  # (K,) standard deviations of the coefficients, largest first
    explained: float  # the part of the (weighted) variance that K components hold

    def coefficients(self, head: Head, body: Floats) -> Floats:
        """(N, 3) → (K,)"""
        away = aligned(head, body) - self.mean
        return np.asarray(np.einsum("knc,nc->k", self.read, away), np.float32)

    def body(self, coefficients: Floats) -> Floats:
        """(…, K) → (…, N, 3); many at once are far cheaper than one after the other."""
        flat = coefficients @ self.components.reshape(len(self.components), -1)
        return np.asarray(self.mean + flat.reshape(*coefficients.shape[:-1], *self.mean.shape), np.float32)

    def save(self, path: Path) -> None:
        np.savez_compressed(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "ShapeBasis":
        with np.load(path) as file:
            arrays = {f.name: file[f.name] for f in fields(cls)}
        return cls(**{**arrays, "explained": float(arrays["explained"])})


def aligned(head: Head, body: Floats) -> Floats:
    """The body moved so that its eyes are where the average person has them: a view centres them anyway."""
    shift = head.eyes.place(head.base).mean(0) - head.eyes.place(body).mean(0)
    return np.asarray(body + shift * np.array([0, 1, 1], np.float32), np.float32)


def fit_basis(head: Head, bodies: Floats, components: int = COMPONENTS) -> ShapeBasis:
    """Of `bodies` (M, N, 3), already aligned. The face counts most, the body below the neck hardly."""
    y, z, x = head.base[:, 1], head.base[:, 2], np.abs(head.base[:, 0])
    weight = np.where((z > 0.5) & (x < 0.8) & (y > 6.0), 1.0, 0.35)
    weight = np.where(y < 5.8, 0.06, weight).astype(np.float32)[:, None]
    mean = bodies.mean(0)
    flat = ((bodies - mean) * weight).reshape(len(bodies), -1)
    # The sample is smaller than a body has numbers: decompose its (M, M) products instead.
    values, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64))
    order = np.argsort(values)[::-1][: min(components, len(bodies) - 1)]
    order = order[values[order] > 1e-9 * values[order[0]]]  # rounding leaves a few directions without length
    axes = (vectors[:, order].T @ flat) / np.sqrt(values[order])[:, None]
    axes = axes.reshape(len(order), *mean.shape).astype(np.float32)
    return ShapeBasis(
        mean=mean,
        components=axes / weight,
        read=axes * weight,
        spread=np.sqrt(values[order] / len(bodies)).astype(np.float32),
        explained=float(values[order].sum() / values.sum()),
    )
