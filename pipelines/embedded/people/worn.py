"""Meshes that follow the body's surface: hair, eyes."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people.arrays import Floats, Ints


@dataclass(frozen=True)
class Worn:
    """A mesh worn on the body.

    Each vertex is the weighted mean of three of the body's vertices plus an offset. The offset grows with the body:
    axis k is scaled by the distance between the two vertices `scale_between[k]`, in units of `scale_unit[k]`.
    """

    corners: Ints  # (M, 3) vertices of the body
    weights: Floats  # (M, 3)
    offsets: Floats  # (M, 3)
    scale_between: Ints  # (3, 2)
    scale_unit: Floats  # (3,)
    triangles: Ints  # (T, 3) of the M vertices
    uv: Floats  # (M, 2)

    def place(self, body: Floats) -> Floats:
        """The places (M, 3) of its vertices on a body (N, 3)."""
        on_surface = np.einsum("mk,mkc->mc", self.weights, body[self.corners])
        return np.asarray(on_surface + self.offsets * self.scale_on(body), np.float32)

    def scale_on(self, body: Floats) -> Floats:
        """The factor (3,) by which offsets grow on a body (N, 3)."""
        ends = body[self.scale_between, np.arange(3)[:, None]]
        return np.asarray(np.abs(ends[:, 0] - ends[:, 1]) / self.scale_unit)
