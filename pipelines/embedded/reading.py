"""Reads a person's code from references: finds the head and points on the face, fits the shape, reads the looks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipelines.embedded.correction import Correction
from pipelines.embedded.fit import Found, fit_shape
from pipelines.embedded.nets.reader import HeadFinder, ReferenceReader, crop, thumbnails
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.points import Points
from pipelines.references import squared

TRUST = 0.3  # the points err together: only this much of their number counts


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from pictures, one row for each."""

    places: Floats  # (B, N, 2) of the points, as fractions of the picture's side
    spreads: Floats  # (B, N) their standard deviation, in the same unit
    looks: Floats  # (B, LOOKS_SIZE) as in a code

    def only(self, rows: Sequence[int]) -> "Reading":
        """The reading of some of the pictures."""
        chosen = list(rows)
        return Reading(self.places[chosen], self.spreads[chosen], self.looks[chosen])


def read_pictures(
    finder: HeadFinder | None, reader: ReferenceReader, pictures: Tensor, boxes: Tensor | None = None
) -> Reading:
    """Reads pictures (B, 3, S, S) from -1 to 1. `finder` finds the heads, unless `boxes` (B, 3) are given."""
    if boxes is None:
        assert finder is not None
        boxes = finder(thumbnails(pictures)).float()
    places, spreads, looks, _ = reader(crop(pictures, boxes))
    side = boxes[:, None, 2:]
    places = (places - 0.5) * side + boxes[:, None, :2]
    spreads = spreads.exp() * side[..., 0]
    return Reading(*(part.float().cpu().numpy() for part in (places, spreads, looks)))


def person_of(
    reading: Reading, points: Points, prior: Floats, correction: Correction | None = None
) -> Floats:
    """The code (CODE,) of the one person in all the pictures. `prior` is `Coder.prior()`."""
    found = [Found(*picture) for picture in zip(reading.places, reading.spreads, strict=True)]
    shape, _ = fit_shape(points, prior, found, trust=TRUST)
    if correction:
        shape = correction.of(shape)
    return np.concatenate([shape, reading.looks.mean(0)]).astype(np.float32)


def to_pictures(references: Sequence[Image.Image], size: int) -> Tensor:
    """RGB images as (B, 3, size, size) from -1 to 1."""
    pixels = np.stack([np.asarray(squared(reference, size)) for reference in references])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()
