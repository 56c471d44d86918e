"""The z-buffer: which triangle each pixel shows, and which place in it. It uses no GL, so that it runs anywhere."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pipelines.embedded.people.arrays import Floats, Ints

FAR = np.float32(1e9)
PAIRS = 2**17  # of a triangle and a pixel, processed together: they fit into a processor's cache


class Surface(NamedTuple):
    """What each pixel of an (S, S) picture shows."""

    triangle: Ints  # (S, S), -1 where there is none
    inside: Floats  # (S, S, 2) weights of the triangle's second and third corners
    depth: Floats  # (S, S)


Rasteriser = Callable[[Floats, Ints, int], Surface]
"""`rasterise`, or training's compiled one, which gives the same result."""


def rasterise(screen: Floats, triangles: Ints, size: int) -> Surface:
    """Finds the nearest triangle at each pixel. `screen` (P, 3) holds x and y as fractions of the picture's side,
    and the depth.

    If two are equally near, the one that is first in `triangles` (T, 3) wins.
    """
    points = np.asarray(screen, np.float64).T.copy()
    points[:2] *= size
    x, y, z = points[:, triangles.T]
    left, right = _pixels(x, size)
    top, bottom = _pixels(y, size)
    x1, x2, y1, y2 = x[1] - x[0], x[2] - x[0], y[1] - y[0], y[2] - y[0]
    area = x1 * y2 - x2 * y1
    seen = np.flatnonzero((left <= right) & (top <= bottom) & (np.abs(area) >= 1e-9))
    left, top = left[seen], top[seen]
    width = right[seen] - left + 1
    count = width * (bottom[seen] - top + 1)  # pixels of the box around each triangle
    ends = np.cumsum(count)
    # Within a triangle, its corners' weights and the depth change evenly from pixel to pixel.
    x1, x2, y1, y2 = (side[seen] / area[seen] for side in (x1, x2, y1, y2))
    from_x, from_y = left + 0.5 - x[0, seen], top + 0.5 - y[0, seen]
    first = from_x * y2 - x2 * from_y, x1 * from_y - from_x * y1
    z0, z1, z2 = z[0, seen], z[1, seen] - z[0, seen], z[2, seen] - z[0, seen]

    depth = np.full(size * size, FAR, np.float64)
    triangle = np.full(size * size, -1, np.int32)
    inside = np.zeros((size * size, 2), np.float32)
    begin = 0
    while begin < len(seen):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + PAIRS, "right")))
        some = np.arange(begin, end)
        begin = end
        t = np.repeat(some, count[some])
        place = np.arange(len(t)) - (ends[t] - count[t] - done)
        row = place // width[t]
        column = place - row * width[t]
        w1 = first[0][t] + y2[t] * column - x2[t] * row
        w2 = first[1][t] - y1[t] * column + x1[t] * row
        within = np.flatnonzero((w1 >= -1e-5) & (w2 >= -1e-5) & (w1 + w2 <= 1 + 1e-5))
        t, w1, w2 = t[within], w1[within], w2[within]
        pixel = (top[t] + row[within]) * size + left[t] + column[within]
        near = z0[t] + w1 * z1[t] + w2 * z2[t]
        nearer = np.flatnonzero(near < depth[pixel])
        np.minimum.at(depth, pixel[nearer], near[nearer])
        won = nearer[near[nearer] == depth[pixel[nearer]]][::-1]  # of equal ones, the first is written last
        triangle[pixel[won]] = seen[t[won]]
        inside[pixel[won]] = np.stack([w1[won], w2[won]], 1)
    return Surface(
        triangle.reshape(size, size),
        inside.reshape(size, size, 2),
        depth.astype(np.float32).reshape(size, size),
    )


def _pixels(places: Floats, size: int) -> tuple[Ints, Ints]:
    """The first and the last pixel whose centre lies within corners (3, T) along one axis, each (T,)."""
    first = np.ceil(places.min(0) - 0.5).clip(0, size)
    last = np.floor(places.max(0) - 0.5).clip(-1, size - 1)
    return first.astype(np.int32), last.astype(np.int32)
