"""Normals of a mesh's vertices."""

import numpy as np

from pipelines.embedded.people.arrays import Floats, Ints


def vertex_normals(positions: Floats, triangles: Ints) -> Floats:
    """The normal of each vertex, (P, 3) unit vectors: the mean over its triangles, larger ones counting more."""
    a, b, c = positions.T[:, triangles.T].swapaxes(0, 1)  # (3, T) each
    u, v = b - a, c - a
    across = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    corners = triangles.T.ravel()
    normals = np.stack([np.bincount(corners, np.tile(part, 3), len(positions)) for part in across], 1)
    lengths = np.sqrt((normals * normals).sum(1, keepdims=True)) + 1e-9
    return np.asarray(normals / lengths, np.float32)
