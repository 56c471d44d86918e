"""The similarity of vectors."""

import numpy as np

from models.likeness import Metric
from pipelines.identity.faces import Vector


def similarity(metric: Metric, one: Vector, others: Vector) -> Vector:
    """The similarity of one vector (D,) to each of others (N, D): shape (N,), at most 1, for the same vector.

    `cosine` is that of the angle between them; `euclidean` is 1 - distance, so dlib's usual threshold of a distance
    of 0.6 is 0.4 here.
    """
    if metric == "cosine":
        lengths = np.linalg.norm(others, axis=-1) * np.linalg.norm(one)
        result: Vector = others @ one / np.maximum(lengths, 1e-12)
    else:
        result = 1 - np.linalg.norm(others - one, axis=-1)
    return result


def centroid(metric: Metric, vectors: Vector) -> Vector:
    """The mean of vectors (N, D), each scaled to length 1 first where only their direction counts."""
    if metric == "cosine":
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    mean: Vector = vectors.mean(0)
    return mean
