"""A double: pictures have a face unless they are black, and its descriptor is their mean colour."""

import numpy as np
from PIL import Image

from models.likeness import Embedder, FaceBox, Metric
from pipelines.identity.faces import Face, FaceEmbedder, Picture, Vector


class ColourFaces(FaceEmbedder):
    """The face fills the picture. Faces of less than `least` pixels aren't found."""

    def __init__(self, metric: Metric = "euclidean", digest: str = "a" * 64, least: int = 1) -> None:
        self.embedder = Embedder(name="colours", metric=metric, files={"colours.bin": digest})
        self._least = least

    def find(self, picture: Picture) -> list[Face]:
        height, width = picture.shape[:2]
        if not picture.any() or min(height, width) < self._least:
            return []
        box = FaceBox(left=0, top=0, right=width, bottom=height)
        eyes = np.array([(0.345 * width, 0.38 * height), (0.655 * width, 0.38 * height)], dtype=np.float32)
        return [Face(box, 1.0, np.zeros((5, 2), dtype=np.float32), eyes)]

    def describe(self, picture: Picture, face: Face) -> Vector:
        mean: Vector = (picture.reshape(-1, 3).mean(0) / 255).astype(np.float32)
        return mean


def patch(colour: tuple[int, int, int], seed: int, side: int = 64) -> Image.Image:
    """A picture of one mean colour with a pattern of its own."""
    waves = np.random.default_rng(seed).normal(0, 40, (4, 4))
    pattern = Image.fromarray(waves.astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
    pixels = np.asarray(colour) + np.asarray(pattern)[..., None]
    return Image.fromarray(np.clip(pixels, 1, 255).astype(np.uint8))
