"""How far a pixel is from the edges of what it shows. At edges, places in two pictures match least."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.embedded.drawing.samples import Kind, Samples
from pipelines.embedded.people.arrays import Floats

PIXELS = 512
"""Distances below are in pixels of a picture with this many a side."""
_OUTER = (1.5, 6.0)  # to silhouettes and borders with hair or cloth
_STEPS = (0.0, 2.0)  # to steps of the depth
_INNER = (0.0, 1.5)  # to eyes and mouth
_DEPTH_STEP = 0.07  # decimetres from one pixel to the next


@dataclass(frozen=True)
class Tapers:
    """Weights (n,) of samples: 0 at an edge, 1 well within."""

    face: Floats
    hair: Floats


def smooth(low: float | Floats, high: float | Floats, x: Floats) -> Floats:
    """A smooth step of `x`: 0 below `low`, 1 above `high`."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def tapers(samples: Samples) -> Tapers:
    """The tapers of samples. Eyes and the mouth's inside have a narrow edge, silhouettes and hair a wide one."""
    kind = samples.grid(samples.kind, Kind.NOTHING)
    depth = samples.grid(samples.position[:, 2], -9.0)
    eye = kind == Kind.EYE
    coarse = np.where(eye | (kind == Kind.MOUTH), Kind.FACE, kind)
    unit = samples.size / PIXELS
    outer = smooth(*_OUTER, _away(*_borders(coarse), unit))
    steps = [np.abs(np.diff(depth, axis=axis)) > _DEPTH_STEP / unit for axis in (1, 0)]
    steps = [step & ~_either(eye, axis) for step, axis in zip(steps, (1, 0), strict=True)]  # lashes stand off
    outer = outer * smooth(*_STEPS, _away(steps[0], steps[1], unit))
    inner = smooth(*_INNER, _away(*_borders(kind), unit))
    return Tapers(*((part.ravel()[samples.pixel]).astype(np.float32) for part in (outer * inner, outer)))


def _either(mask: np.ndarray, axis: int) -> np.ndarray:
    """Where a pixel or its next neighbour along the axis is in the mask."""
    first, second = np.delete(mask, -1, axis), np.delete(mask, 0, axis)
    return np.asarray(first | second)


def _borders(kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a pixel differs from its right neighbour, and from the one below."""
    return kind[:, 1:] != kind[:, :-1], kind[1:] != kind[:-1]


def _away(across: np.ndarray, down: np.ndarray, unit: float) -> Floats:
    """Distance of each pixel to the nearest border."""
    size = len(across)
    edge = np.zeros((size, size), bool)
    edge[:, :-1] |= across
    edge[:, 1:] |= across
    edge[:-1] |= down
    edge[1:] |= down
    away = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(np.minimum(away, 2 * size) / unit)  # without any border it is nearly infinite
