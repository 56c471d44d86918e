"""Finds the places whose relief is finer than a fitted shape is exact: nostrils, eyes, closed lips, ears.

A fitted shape is off by a pixel or two. On smooth skin nobody sees that; along a lash or the edge of a nostril,
carried pixels would show as flecks, or as a second line beside the drawn one. There the drawing is kept.
"""

import cv2
import numpy as np

from pipelines.embedded.drawing.edges import PIXELS, smooth
from pipelines.embedded.drawing.lips import from_meeting_lips
from pipelines.embedded.drawing.samples import Kind, Samples, Scene
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.head import EARS, MOUTH

_EYES = (4.0, 10.0)  # pixels of 512 from an eye or a lash: drawn up to the first, carried from the second
_LIPS = (1.5, 4.5)  # the same, from the mouth's inside, which is a line if the lips are closed
_INSIDE = 0.02  # marks of the mouth: more is inside
_EARS = (0.1, 0.6)  # marks of the ears: carried up to the first, drawn from the second

# The hollow of a nostril, and the crease beside its wing, in decimetres of the average person.
_NOSTRIL, _NOSTRIL_SIZE = np.array([0.095, 6.855]), np.array([0.10, 0.055])
_CREASE, _CREASE_SIZE = np.array([0.172, 6.905]), np.array([0.03, 0.085])
_NOSE_FRONT = (1.40, 1.45)
_FADE = (1.0, 1.5)  # in units of those sizes


def fine_relief(scene: Scene, samples: Samples) -> Floats:
    """How far the drawing is to be kept at samples (n,), one a pixel: 0 to 1."""
    x, y, z = np.abs(samples.anchor[:, 0]), samples.anchor[:, 1], samples.anchor[:, 2]
    place = np.stack([x, y], 1)
    off = [
        np.sqrt((((place - middle) / size) ** 2).sum(1))
        for middle, size in ((_NOSTRIL, _NOSTRIL_SIZE), (_CREASE, _CREASE_SIZE))
    ]
    nose = (1 - smooth(*_FADE, np.minimum(*off))) * smooth(*_NOSE_FRONT, z) * (samples.kind == Kind.FACE)
    ears = smooth(*_EARS, samples.marks[:, EARS])
    eyes = 1 - smooth(*_EYES, _away(samples, samples.kind == Kind.EYE))
    # The samples' own marks call what pokes through closed lips a lip; the figure's say what it is.
    inside = (samples.kind != Kind.CLOTH) & (samples.at(scene.figure.marks[:, MOUTH]) > _INSIDE)
    lips = 1 - smooth(*_LIPS, np.minimum(_away(samples, inside), _from_line(scene, samples)))
    return np.asarray(np.maximum.reduce([nose, ears, eyes, lips]))


def _from_line(scene: Scene, samples: Samples) -> Floats:
    """(n,) distance to the line where closed lips meet, in pixels of 512."""
    away, shown = from_meeting_lips(samples, scene.view)
    row, column = np.divmod(samples.pixel, samples.size)
    return np.asarray(np.where(shown[column] > 0, away[row, column], samples.size))


def _away(samples: Samples, some: np.ndarray) -> Floats:
    """(n,) distance to the nearest of some samples, in pixels of 512; far if there are none."""
    there = samples.grid(some.astype(np.uint8), 0)
    away = cv2.distanceTransform(1 - there, cv2.DIST_L2, 5)
    away = np.minimum(away, samples.size)  # without any it is nearly infinite
    return np.asarray(away.ravel()[samples.pixel] * PIXELS / samples.size)
