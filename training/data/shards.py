"""Shards: a few identities' pictures and vectors in one .npz, written whole or not at all."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from pipelines.embedded.people.arrays import Floats

QUALITY = 97  # of the JPEGs, with full colour resolution: about 44 dB, far above any autoencoder's
IDENTITIES = 25  # in one shard


@dataclass(frozen=True)
class Shard:
    seeds: np.ndarray  # (I,)
    shapes: Floats  # (I, K) raw coefficients of the shape basis
    looks: Floats  # (I, LOOKS_SIZE)
    views: Floats  # (I, V, VIEW_SIZE)
    jpegs: np.ndarray  # uint8, all pictures one after the other
    ends: np.ndarray  # (I · V,) where in `jpegs` each one ends

    def save(self, path: Path) -> None:
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.savez(file, **{f.name: getattr(self, f.name) for f in fields(self)})
        part.replace(path)

    @classmethod
    def load(cls, path: Path, pictures: bool = True) -> "Shard":
        """Without `pictures`, `jpegs` stays empty: codes alone are small."""
        with np.load(path) as file:
            names = [f.name for f in fields(cls) if pictures or f.name != "jpegs"]
            return cls(**{"jpegs": np.zeros(0, np.uint8), **{name: file[name] for name in names}})

    def jpeg(self, index: int) -> np.ndarray:
        return self.jpegs[self.ends[index - 1] if index else 0 : self.ends[index]]


def to_jpeg(picture: np.ndarray) -> np.ndarray:
    """RGB (S, S, 3) uint8 → bytes as uint8."""
    flags = [
        cv2.IMWRITE_JPEG_QUALITY,
        QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    done, encoded = cv2.imencode(".jpg", picture[..., ::-1], flags)
    if not done:
        raise ValueError("The picture can't be encoded.")
    return np.asarray(encoded)


def from_jpeg(jpeg: np.ndarray) -> np.ndarray:
    """The way back: RGB (S, S, 3) uint8."""
    picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise ValueError("That is no JPEG.")
    return np.asarray(picture)


def shard_paths(folder: Path, identities: int) -> Iterator[tuple[int, Path]]:
    """The first identity's index and the path of every shard that `identities` people fill."""
    for start in range(0, identities, IDENTITIES):
        yield start, folder / f"{start:06d}.npz"
