"""Looks up what a reference shows of the places in a new view, and how well it shows them."""

import cv2
import numpy as np

from pipelines.embedded.carry.reference import COLOUR, FACE, HAIR, SURE, Reference
from pipelines.embedded.drawing.samples import Kind, Samples
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.view import View

_HIDDEN = 0.06  # decimetres: a place further behind what the reference shows is hidden
_LEAST_FACING = 0.15
_POWER = 2.0  # how much more a reference counts that faces a place
_NEAR = 25.0  # degrees of turn, about: the scale on which references far from the view's pose count less
_PREFER = 0.3


def looked_up(reference: Reference, view: View, samples: Samples) -> tuple[Floats, Floats]:
    """Looks up samples, one a pixel: colours (n, 3) without light, and weights (n,) from 0 to 1."""
    screen = samples.at(reference.screen)
    facing = samples.at(reference.facing)
    side = len(reference.depth)
    x, y = screen[:, 0] * side - 0.5, screen[:, 1] * side - 0.5
    inside = (x > 1) & (y > 1) & (x < side - 2) & (y < side - 2)
    shown = screen[:, 2] <= _farthest_around(reference.depth, x, y) + _HIDDEN
    planes = _between(reference.planes, x, y)
    hair = samples.kind == Kind.HAIR
    facing = np.where(hair, np.maximum(np.abs(facing), 0.3), facing)
    weight = np.clip((facing - _LEAST_FACING) / (1 - _LEAST_FACING), 0, 1) ** _POWER
    weight *= inside & shown
    weight *= np.where(hair, planes[:, HAIR], planes[:, FACE]) * (0.15 + 0.85 * planes[:, SURE])
    weight *= np.exp(-_PREFER * _turn(reference.camera, view) / _NEAR)
    return planes[:, COLOUR], weight.astype(np.float32)


def _farthest_around(depth: Floats, x: Floats, y: Floats) -> Floats:
    """(n,) the farthest depth of the four pixels around a place, so that an edge doesn't hide what lies on it."""
    side = len(depth)
    i, j = np.clip(x.astype(int), 0, side - 2), np.clip(y.astype(int), 0, side - 2)
    around = (depth[j, i], depth[j + 1, i], depth[j, i + 1], depth[j + 1, i + 1])
    farthest = np.maximum.reduce(around)
    return np.where(farthest > 1e8, 0, farthest)


def _turn(camera: Floats, view: View) -> float:
    """How far the reference's pose and expression are from the view's, in degrees of yaw, about."""
    moved = float(np.abs(camera[7:] - view.expression).sum())
    return float(abs(camera[0] - view.yaw) + 0.7 * abs(camera[1] - view.pitch) + 20 * moved)


def _between(planes: Floats, x: Floats, y: Floats) -> Floats:
    """(n, C) interpolated between the pixels. OpenCV wants places in a rectangle whose sides fit 16 bits."""
    wide = 256
    rows = -(-len(x) // wide)
    xs, ys = (np.resize(v, rows * wide).reshape(rows, wide).astype(np.float32) for v in (x, y))
    found = np.concatenate(
        [
            cv2.remap(part, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for part in (planes[..., :3].copy(), planes[..., 3:].copy())
        ],
        -1,
    )
    return np.asarray(found.reshape(rows * wide, -1)[: len(x)])
