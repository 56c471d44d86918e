"""Fits the camera of each reference, once the person's shape is known."""

from dataclasses import replace

import numpy as np

from pipelines.embedded.fit import Found, fit_shape
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.points import Points
from pipelines.embedded.people.view import Backdrop, Lamp, Outfit, View
from pipelines.embedded.reading import TRUST, Reading

_GREY = np.full(3, 0.3, np.float32)
_LAMP = Lamp(0, 30, 0.9, 0.45, 0)
_OUTFIT = Outfit(_GREY, _GREY, 0.0, 20.0, 5.6, 0.0, 1.0)
_BACKDROP = Backdrop("plain", _GREY, _GREY, 0.0, 0.0, 0.5)


def fit_cameras(points: Points, reading: Reading, shape: Floats) -> Floats:
    """Fits the cameras (R, 12) of the pictures that were read, which all show a person with that shape (K,)."""
    fixed = replace(
        points,
        mean=points.mean + np.tensordot(shape.astype(np.float64), points.components, 1),
        components=points.components[:1] * 0,
    )
    still = np.array([1e-3])  # next to no spread: the shape stays as it is
    found = [Found(*one) for one in zip(reading.places, reading.spreads, strict=True)]
    return np.stack([fit_shape(fixed, still, [one], trust=TRUST)[1][0] for one in found])


def residuals(points: Points, reading: Reading, shape: Floats, cameras: Floats) -> tuple[Floats, Floats]:
    """How far the points that were read lie from the fitted ones (R,), as a fraction of the face's height, and that
    height (R,), as a fraction of the picture's side.

    The distance is the median over the points, so that what hair hides doesn't count.
    """
    seen = points.project(np.tile(shape.astype(np.float64), (len(cameras), 1)), cameras)
    off = np.linalg.norm(seen - reading.places, axis=-1)
    height = seen[..., 1].max(1) - seen[..., 1].min(1)
    return np.median(off, axis=1) / np.maximum(height, 1e-6), height


def view_of_camera(camera: Floats) -> View:
    """A view from that camera (12,), with neutral light, backdrop and clothes."""
    yaw, pitch, roll, body_yaw, zoom, shift_x, shift_y = map(float, camera[:7])
    expression = camera[7:].astype(np.float32)
    return View(yaw, pitch, roll, body_yaw, expression, _LAMP, zoom, shift_x, shift_y, _BACKDROP, _OUTFIT)
