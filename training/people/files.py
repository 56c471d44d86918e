"""The files that `data.generate` leaves of a head and its coder, in full precision."""

from dataclasses import fields
from pathlib import Path

import numpy as np

from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.head import Head
from pipelines.embedded.people.points import Points, choose_points
from pipelines.embedded.people.textures import Textures
from training.people.basis import FittedBasis
from training.people.code import Encoder
from training.people.raster import rasterise


def save_head(head: Head, textures: Textures, folder: Path) -> None:
    np.savez_compressed(folder / "head.npz", allow_pickle=False, **head.arrays())
    np.savez_compressed(folder / "textures.npz", allow_pickle=False, **textures.__dict__)


def load_head(folder: Path) -> tuple[Head, Textures]:
    with np.load(folder / "head.npz") as head, np.load(folder / "textures.npz") as textures:
        return Head.from_arrays(dict(head)), Textures(**textures)


def save_coder(coder: Encoder, folder: Path) -> None:
    np.savez_compressed(folder / "shape.npz", allow_pickle=False, **coder.basis.__dict__)
    np.savez(folder / "looks.npz", looks_mean=coder.looks_mean, looks_spread=coder.looks_spread)


def load_coder(folder: Path) -> Encoder:
    with np.load(folder / "shape.npz") as shape, np.load(folder / "looks.npz") as looks:
        arrays = {f.name: shape[f.name] for f in fields(FittedBasis)}
        return Encoder(FittedBasis(**{**arrays, "explained": float(arrays["explained"])}), **looks)


def load_drawer(folder: Path) -> Drawer:
    """Of both, with the compiled rasteriser. Needs MakeHuman's assets no more."""
    (head, textures), coder = load_head(folder), load_coder(folder)
    return Drawer(head, coder, textures, Points.of(head, coder, choose_points(head)), rasterise)
