"""The interface to a model that finds and describes faces."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.likeness import Embedder, FaceBox

Picture = npt.NDArray[np.uint8]
"""RGB, shape (height, width, 3), contiguous."""
Luma = npt.NDArray[np.uint8]
"""Brightness, shape (height, width)."""
Vector = npt.NDArray[np.float32]
"""One descriptor, shape (D,)."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face that was found."""

    box: FaceBox
    """It may reach beyond the picture's edges."""
    confidence: float
    """On the detector's own scale."""
    landmarks: npt.NDArray[np.float32]
    """Five points (x, y) in pixels, shape (5, 2), in the order that the implementation needs."""
    eyes: npt.NDArray[np.float32]
    """The centres of both eyes (x, y) in pixels, shape (2, 2), the left one in the picture first."""


class FaceEmbedder(ABC):
    """Finds faces and describes them. One instance serves one thread."""

    embedder: Embedder
    """Its name, its metric and the hashes of its model files."""

    @abstractmethod
    def find(self, picture: Picture) -> list[Face]:
        """Finds the faces in a picture, the largest first. Finding none is no error."""

    @abstractmethod
    def describe(self, picture: Picture, face: Face) -> Vector:
        """The descriptor of one of the picture's faces."""


def from_the_left(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Two eyes (2,) in the order of `Face.eyes`."""
    return np.stack((one, other) if one[0] <= other[0] else (other, one))


def hashes(*files: Path) -> dict[str, str]:
    """SHA-256 of each file, by its name."""
    digests = {}
    for path in files:
        with path.open("rb") as file:
            digests[path.name] = file_digest(file, "sha256").hexdigest()
    return digests
