"""Lights eyes like the skin around them, and takes each from one reference, since two never match to the pixel."""

import cv2
import numpy as np

from pipelines.embedded.drawing.edges import PIXELS
from pipelines.embedded.drawing.light import Fall
from pipelines.embedded.drawing.samples import Kind, Samples
from pipelines.embedded.people.arrays import Floats

_BLUR = 8  # pixels of 512
_REACH = 9  # pixels of 512 around an eye that come from the same reference
_SOFT = 3


def lit_as_lids(samples: Samples, fall: Fall) -> Fall:
    """Gives the eyes the light of the skin near them, and no gloss: highlights aren't carried."""
    eye = np.flatnonzero(samples.kind == Kind.EYE)
    if not len(eye):
        return fall
    size = samples.size
    planes = np.zeros((size * size, 4), np.float32)
    skin = samples.kind == Kind.FACE
    planes[samples.pixel[skin], :3], planes[samples.pixel[skin], 3] = fall.onto[skin], 1
    rows = samples.pixel[eye] // size
    margin = 5 * _BLUR * size // PIXELS
    top, end = max(0, int(rows.min()) - margin), min(size, int(rows.max()) + margin)
    band = cv2.GaussianBlur(planes.reshape(size, size, 4)[top:end], (0, 0), _BLUR * size / PIXELS)
    near = band.reshape(-1, 4)[samples.pixel[eye] - top * size]
    onto, gloss = fall.onto.copy(), fall.gloss.copy()
    known = near[:, 3] > 0.02
    onto[eye[known]] = near[known, :3] / near[known, 3:]
    gloss[eye[known]] = 0
    return Fall(onto, gloss, fall.lit)


def around_eyes(samples: Samples) -> Floats:
    """How near samples (n,), one a pixel, are to the eyes: 1 at the eyes, falling to 0 around them."""
    size = samples.size
    eye = samples.grid((samples.kind == Kind.EYE).astype(np.uint8), 0)
    reach = int(_REACH * size / PIXELS) * 2 + 1
    eye = cv2.dilate(eye, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    soft = cv2.GaussianBlur(eye.astype(np.float32), (0, 0), _SOFT * size / PIXELS)
    return np.asarray(soft.ravel()[samples.pixel])


def each_from_one(weights: Floats, samples: Samples, zone: Floats) -> None:
    """Keeps around each eye only the reference that shows it best. Changes `weights` (R, n) in place."""
    for side in (samples.anchor[:, 0] > 0, samples.anchor[:, 0] <= 0):
        core = side & (samples.kind == Kind.EYE)
        if core.sum() <= 10:
            continue
        best = weights[:, core].mean(1).argmax()
        for number in range(len(weights)):
            if number != best:
                weights[number, side] *= 1 - 0.97 * zone[side]
