"""The z-buffer: which triangle each pixel shows, and which place in it. It uses no GL, so that it runs anywhere."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pipelines.embedded.people.arrays import Floats, Ints

FAR = np.float32(1e9)
PAIRS = 2**16  # of a triangle and a pixel, processed together: they fit into a processor's cache
_EDGE = 1e-5  # by which a corner's weight may be below 0: neighbours leave no gap
_SLACK = 1e-6  # pixels by which a row is too long rather than too short


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
    rows = _rows_of(screen, triangles, size)
    depth = np.full(size * size, FAR, np.float64)
    triangle = np.full(size * size, -1, np.int32)
    inside = np.zeros((size * size, 2), np.float32)
    ends = np.cumsum(rows.length)
    begin = 0
    while begin < len(ends):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + PAIRS, "right")))
        row = np.repeat(np.arange(begin, end), rows.length[begin:end])
        step = np.arange(done, ends[end - 1]) - (ends - rows.length)[row]
        begin = end
        w1, w2 = (first[row] + right[row] * step for first, right in zip(rows.first, rows.right, strict=True))
        z0, z1, z2 = rows.depth
        near = z0[row] + w1 * z1[row] + w2 * z2[row]
        pixel = rows.pixel[row] + step
        nearer = np.flatnonzero(
            (near < depth[pixel]) & (w1 >= -_EDGE) & (w2 >= -_EDGE) & (w1 + w2 <= 1 + _EDGE)
        )
        np.minimum.at(depth, pixel[nearer], near[nearer])
        won = nearer[near[nearer] == depth[pixel[nearer]]][::-1]  # of equal ones, the first is written last
        triangle[pixel[won]] = rows.triangle[row[won]]
        inside[pixel[won]] = np.stack([w1[won], w2[won]], 1)
    return Surface(
        triangle.reshape(size, size),
        inside.reshape(size, size, 2),
        depth.astype(np.float32).reshape(size, size),
    )


class _Rows(NamedTuple):
    """Rows of pixels (n,) between two sides of a triangle. Along a row, all values change evenly."""

    triangle: Ints
    pixel: Ints  # the first one
    length: Ints
    first: tuple[Floats, Floats]  # the weights of the second and third corners in the first pixel
    right: tuple[Floats, Floats]  # by how much they grow from pixel to pixel
    depth: tuple[Floats, Floats, Floats]  # the first corner's, and how much further the others are


def _rows_of(screen: Floats, triangles: Ints, size: int) -> _Rows:
    points = np.asarray(screen, np.float64).T.copy()
    points[:2] *= size
    x, y, z = points[:, triangles.T]
    left, right = _pixels(x, size)
    top, bottom = _pixels(y, size)
    x1, x2, y1, y2 = x[1] - x[0], x[2] - x[0], y[1] - y[0], y[2] - y[0]
    area = x1 * y2 - x2 * y1
    seen = np.flatnonzero((left <= right) & (top <= bottom) & (np.abs(area) >= 1e-9))
    height = (bottom - top + 1)[seen]
    t = np.repeat(seen, height)
    down = np.arange(len(t)) - np.repeat(np.cumsum(height) - height, height)
    x1, x2, y1, y2 = (side[t] / area[t] for side in (x1, x2, y1, y2))
    from_x, from_y = left[t] + 0.5 - x[0, t], top[t] + down + 0.5 - y[0, t]
    w1, w2 = from_x * y2 - x2 * from_y, x1 * from_y - from_x * y1
    begin, end = _between_sides(w1, w2, y2, -y1, (right - left)[t])
    some = np.flatnonzero(begin <= end)
    t, begin, end, y1, y2 = t[some], begin[some], end[some], y1[some], y2[some]
    return _Rows(
        t.astype(np.int32),
        (top[t] + down[some]) * size + left[t] + begin,
        end - begin + 1,
        (w1[some] + y2 * begin, w2[some] - y1 * begin),
        (y2, -y1),
        (z[0, t], z[1, t] - z[0, t], z[2, t] - z[0, t]),
    )


def _between_sides(w1: Floats, w2: Floats, right1: Floats, right2: Floats, last: Ints) -> tuple[Ints, Ints]:
    """The first and the last column (n,), from 0 to `last` (n,), in which no corner's weight is below 0.

    In column 0 the second and third corners' weights are `w1` and `w2`.
    """
    begin, end = np.zeros(len(last)), last.astype(np.float64)
    for weight, right in ((w1, right1), (w2, right2), (1 - w1 - w2, -right1 - right2)):
        with np.errstate(divide="ignore", invalid="ignore"):
            crossed = (-_EDGE - weight) / right
        np.maximum(begin, crossed - _SLACK, out=begin, where=right > 0)
        np.minimum(end, crossed + _SLACK, out=end, where=right < 0)
    return np.ceil(begin).astype(np.int32), np.floor(end).astype(np.int32)


def _pixels(places: Floats, size: int) -> tuple[Ints, Ints]:
    """The first and the last pixel whose centre lies within corners (3, T) along one axis, each (T,)."""
    first = np.ceil(places.min(0) - 0.5).clip(0, size)
    last = np.floor(places.max(0) - 0.5).clip(-1, size - 1)
    return first.astype(np.int32), last.astype(np.int32)
