"""Normals of a mesh's vertices."""

import numpy as np
from numba import njit

from training.people.wavefront import Floats, Ints


@njit(cache=True, fastmath=True)
def vertex_normals(positions: Floats, triangles: Ints) -> Floats:
    """The mean of a vertex's triangles' normals, larger triangles counting more: (P, 3) unit vectors."""
    normals = np.zeros_like(positions)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux = positions[b, 0] - positions[a, 0]
        uy = positions[b, 1] - positions[a, 1]
        uz = positions[b, 2] - positions[a, 2]
        vx = positions[c, 0] - positions[a, 0]
        vy = positions[c, 1] - positions[a, 1]
        vz = positions[c, 2] - positions[a, 2]
        for k in (a, b, c):
            normals[k, 0] += uy * vz - uz * vy
            normals[k, 1] += uz * vx - ux * vz
            normals[k, 2] += ux * vy - uy * vx
    for i in range(positions.shape[0]):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-9
        for k in range(3):
            normals[i, k] /= length
    return normals
