"""References of the sample personas, and a look at portraits with the pipeline's own eyes."""

from collections.abc import Sequence
from io import BytesIO

import torch
from PIL import Image

from pipelines.embedded.fit import Found, fit_shape
from pipelines.embedded.pipeline import READ_AT, LikenessPipeline
from pipelines.embedded.reading import TRUST, Reading, read_pictures, to_pictures
from worker.stack.samples import load_sample


def references_of(persona: str) -> list[Image.Image]:
    return [Image.open(BytesIO(data)).convert("RGB") for data in load_sample(persona)[1]]


@torch.inference_mode()
def reading_of(pipe: LikenessPipeline, portraits: Sequence[Image.Image]) -> Reading:
    return read_pictures(pipe.finder, pipe.reader, to_pictures(portraits, READ_AT))


def yaws_of(pipe: LikenessPipeline, portraits: Sequence[Image.Image]) -> list[float]:
    """The head's yaw in each of them alone, in degrees, as the pipeline fits it."""
    reading = reading_of(pipe, portraits)
    yaws = []
    for places, spread in zip(reading.places, reading.spreads, strict=True):
        found = [Found(places, spread)]
        _, cameras = fit_shape(pipe.drawer.points, pipe.drawer.coder.prior(), found, trust=TRUST)
        yaws.append(float(cameras[0, 0]))
    return yaws
