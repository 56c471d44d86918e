"""The finisher's inputs, made from a carried picture."""

import cv2
import numpy as np

from pipelines.embedded.carry.carrier import Carried
from pipelines.embedded.drawing.samples import Kind
from pipelines.embedded.nets.finisher import FACTOR, KINDS
from pipelines.embedded.people.arrays import Floats

_TOLD = (Kind.FACE, Kind.HAIR, Kind.CLOTH, Kind.EYE, Kind.MOUTH)


def told_to_finisher(carried: Carried) -> Floats:
    """The finisher's conditioning, (TOLD, S / FACTOR, S / FACTOR): see `nets.finisher.TOLD`."""
    samples = carried.drawn.samples
    size = samples.size
    shown = samples.gather((samples.kind[:, None] == np.array(_TOLD)).astype(np.float32))
    cells = size // FACTOR
    kinds = cv2.resize(shown, (cells, cells), interpolation=cv2.INTER_AREA).reshape(cells, cells, KINDS)
    return np.concatenate([unshuffled(carried.share[..., None]), kinds.transpose(2, 0, 1)]).astype(np.float32)


def unshuffled(picture: Floats) -> Floats:
    """Turns (S, S, C) into (C · FACTOR², S / FACTOR, S / FACTOR), in the order of torch's `pixel_unshuffle`."""
    rows, columns, channels = picture.shape
    parts = picture.reshape(rows // FACTOR, FACTOR, columns // FACTOR, FACTOR, channels)
    parts = parts.transpose(4, 1, 3, 0, 2)
    return parts.reshape(channels * FACTOR**2, rows // FACTOR, columns // FACTOR)
