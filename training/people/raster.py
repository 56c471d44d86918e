"""`pipelines.embedded.people.raster` compiled: some times as fast, for tens of thousands of pictures."""

import numpy as np
from numba import njit

from pipelines.embedded.people.arrays import Floats, Ints
from pipelines.embedded.people.raster import FAR, Surface


def rasterise(screen: Floats, triangles: Ints, size: int) -> Surface:
    """`screen` (P, 3) holds x and y in parts of the picture's side and the depth; the nearest wins."""
    surface = Surface(
        np.full((size, size), -1, np.int32),
        np.zeros((size, size, 2), np.float32),
        np.full((size, size), FAR, np.float32),
    )
    _fill(screen, triangles, size, surface)
    return surface


@njit(cache=True, fastmath=True)
def _fill(screen: Floats, triangles: Ints, size: int, surface: Surface) -> None:
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = screen[a, 0] * size, screen[a, 1] * size, screen[a, 2]
        x1, y1, z1 = screen[b, 0] * size, screen[b, 1] * size, screen[b, 2]
        x2, y2, z2 = screen[c, 0] * size, screen[c, 1] * size, screen[c, 2]
        left = max(0, int(np.ceil(min(x0, x1, x2) - 0.5)))
        right = min(size - 1, int(np.floor(max(x0, x1, x2) - 0.5)))
        top = max(0, int(np.ceil(min(y0, y1, y2) - 0.5)))
        bottom = min(size - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if left > right or top > bottom or abs(area) < 1e-9:
            continue
        for y in range(top, bottom + 1):
            dy = y + 0.5 - y0
            for x in range(left, right + 1):
                dx = x + 0.5 - x0
                w1 = (dx * (y2 - y0) - (x2 - x0) * dy) / area
                w2 = ((x1 - x0) * dy - dx * (y1 - y0)) / area
                w0 = 1 - w1 - w2
                if w0 < -1e-5 or w1 < -1e-5 or w2 < -1e-5:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                if z < surface.depth[y, x]:
                    surface.depth[y, x] = z
                    surface.triangle[y, x] = t
                    surface.inside[y, x, 0] = w1
                    surface.inside[y, x, 1] = w2
