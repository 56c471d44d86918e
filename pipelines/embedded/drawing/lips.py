"""Closed lips, which meet in one line. From the mesh alone, the line is a row of dark and bright pixels."""

import cv2
import numpy as np

from pipelines.embedded.drawing.edges import PIXELS
from pipelines.embedded.drawing.samples import Samples
from pipelines.embedded.drawing.tongue import CLOSED
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.head import EXPRESSION_UNITS, LIPS, Material
from pipelines.embedded.people.view import View

_LIPS_AT, _LIPS_REACH = np.array([0.0, 6.70]), np.array([0.46, 0.14])  # on the average person
_LIPS_FRONT, _IS_LIP = 1.15, 0.2
_OPEN = EXPRESSION_UNITS.index("open")
_LEAP = 2.5  # times the usual step from one pixel to the next below: more is where lips meet
_LEAST = 4.0  # pixels of 512: the shortest line
_EVEN = 4.0  # pixels of 512 over which a line is evened out
_ENDS = 8.0  # pixels of 512 over which it fades beyond its ends
_FLAWED = 4.5  # pixels of 512 on both sides of a line that are filled
_FILL = 3.0  # pixels of 512 from which they are filled
_WIDTH = 0.9  # pixels of 512
_SHADE = 0.5  # how much darker the line is


def with_lips_that_meet(picture: Floats, samples: Samples, view: View) -> Floats:
    """The picture (S, S, 3), sRGB, with an even dark line where closed lips meet."""
    away, shown = from_meeting_lips(samples, view)
    if not shown.any():
        return picture
    unit = samples.size / PIXELS
    # The filling ends after the line does, so that it covers the mesh's corner of the mouth.
    near = (np.clip(_FLAWED - away, 0, 1) * np.minimum(2 * shown, 1))[..., None].astype(np.float32)
    weight = cv2.GaussianBlur(1 - near, (0, 0), _FILL * unit)[..., None]
    filled = cv2.GaussianBlur(picture * (1 - near), (0, 0), _FILL * unit) / (weight + 1e-4)
    line = shown * np.exp(-((away / _WIDTH) ** 2))
    out = picture + (filled - picture) * near
    return np.asarray(out * (1 - _SHADE * line)[..., None], np.float32)


def from_meeting_lips(samples: Samples, view: View) -> tuple[Floats, Floats]:
    """How far each pixel is above or below the line where closed lips meet (S, S), in pixels of 512, and how far
    the line shows in each column (S,), 0 to 1. In an open mouth none does."""
    size = samples.size
    nowhere = np.full((size, size), np.inf, np.float32), np.zeros(size, np.float32)
    if view.expression[_OPEN] >= CLOSED:
        return nowhere
    off = np.abs(np.stack([np.abs(samples.anchor[:, 0]), samples.anchor[:, 1]], 1) - _LIPS_AT) / _LIPS_REACH
    lips = (samples.material == Material.SKIN) & (samples.anchor[:, 2] > _LIPS_FRONT) & (off.max(1) < 1)
    lips &= samples.marks[:, LIPS] > _IS_LIP
    height = samples.grid(np.where(lips, samples.anchor[:, 1], np.nan).astype(np.float32), np.nan)
    seam = _seam(height, size / PIXELS)
    if seam is None:
        return nowhere
    rows, shown = seam
    away = np.abs(np.arange(size, dtype=np.float32)[:, None] - rows) * PIXELS / size
    return away, shown


def _seam(height: Floats, unit: float) -> tuple[Floats, Floats] | None:
    """The row (S,) in which lips meet in each column, and how far they do there (S,), 0 to 1. None: they don't.

    `height` (S, S) is the lips' place on the average person, NaN elsewhere: it leaps where they meet.
    """
    steps = np.nan_to_num(height[:-1] - height[1:], nan=0.0)
    usual = np.median(steps[steps > 0]) if (steps > 0).any() else np.inf
    leaps = steps.max(0) > _LEAP * usual
    columns = np.flatnonzero(leaps)
    if len(columns) < _LEAST * unit:
        return None
    rows = np.interp(np.arange(len(height)), columns, steps.argmax(0)[columns] + 0.5).astype(np.float32)
    rows = cv2.medianBlur(rows[None], 5)
    rows = cv2.GaussianBlur(rows, (0, 0), sigmaX=_EVEN * unit, sigmaY=0.1)[0]
    column = np.arange(len(height))
    inside = np.minimum(column - columns[0], columns[-1] - column) / (_ENDS * unit) + 1
    return rows, np.clip(inside, 0, 1).astype(np.float32)
