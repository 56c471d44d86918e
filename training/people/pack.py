"""Packs what `data.generate` left of a person as the pipeline reads it.

Run time needs no way from a body to its code, and no more exactness than a coarse drawing shows.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from pipelines.embedded.people.arrays import Arrays, Floats
from pipelines.embedded.people.head import Head
from pipelines.embedded.people.packed import COMPONENTS, MIRRORED, SCALE, WEIGHTS
from pipelines.embedded.people.points import choose_points
from pipelines.embedded.people.shape import ShapeBasis
from training.people.files import load_coder, load_head

EXACT = 16  # components that are stored with 16 bits; the others have 8
SAME_PLACE = 1e-4  # decimetres


def pack_person(data: Path) -> Arrays:
    """Head, coder, textures and points of the folder `data`."""
    head, textures = load_head(data)
    # The drawing's hair has one colour, so that it needs no place in a texture.
    head = replace(head, hair={name: replace(hair, uv=hair.uv * 0) for name, hair in head.hair.items()})
    coder = load_coder(data)
    source, sign = _mirror(head, coder.basis)
    kept = np.unique(source)
    arrays: Arrays = {
        **{f"head.{name}": array for name, array in head.arrays().items()},
        **{f"textures.{name}": array for name, array in textures.__dict__.items()},
        "shape.mean": coder.basis.mean,
        "shape.components": coder.basis.components,
    }
    arrays |= {name: arrays[name][..., kept, :] for name in MIRRORED}
    components = arrays.pop("shape.components")
    packed: Arrays = {
        "mirror.source": np.searchsorted(kept, source).astype(np.uint16),
        "mirror.sign": sign,
        "points.vertices": choose_points(head).astype(np.uint16),
        "shape.spread": coder.basis.spread,
        "looks.looks_mean": coder.looks_mean,
        "looks.looks_spread": coder.looks_spread,
    }
    for name, array in arrays.items():
        packed |= _stored(name, array)
    for name, part, kind in zip(
        COMPONENTS, (components[:EXACT], components[EXACT:]), (np.int16, np.int8), strict=True
    ):
        packed |= scaled(name, part, np.abs(part).max((1, 2), keepdims=True), kind)
    return {name: np.ascontiguousarray(array) for name, array in packed.items()}


def _stored(name: str, array: Floats) -> Arrays:
    """As whole numbers where that is exact enough."""
    if array.dtype.kind in "iu":
        return {name: array.astype(np.min_scalar_type(array.max()))}
    if name.endswith(WEIGHTS):
        array = array[:, :2]
    # These are 0 to 1 and were bytes in the assets, or have one value beside 0.
    bytes_do = name.startswith("textures.") or name in {"head.marks", "head.set_back"}
    bytes_do = bytes_do or (name.endswith(".uv") and not array.any())
    return scaled(name, array, np.abs(array).max(keepdims=True), np.uint8 if bytes_do else np.int16)


def scaled(name: str, array: Floats, most: Floats, kind: DTypeLike) -> Arrays:
    """As whole numbers, of which the largest stands for `most`."""
    scale = np.maximum(most, 1e-12) / np.iinfo(np.dtype(kind)).max
    return {name: np.rint(array / scale).astype(kind), name + SCALE: scale.astype(np.float32)}


def _mirror(head: Head, basis: ShapeBasis) -> tuple[np.ndarray, np.ndarray]:
    """For each vertex the one that is stored in its place (N,), and the sign that its x takes then (N,)."""
    sides = np.array([-1, 1, 1], np.float32)
    twin = np.array([np.square(head.base * sides - place).sum(1).argmin() for place in head.base])
    shape = np.concatenate(
        [head.base[None], basis.mean[None], basis.components * basis.spread[:, None, None]]
    )
    apart = np.abs(shape[:, twin] * sides - shape).max((0, 2))
    # A morph may bend some place to one side; and of a vertex that isn't alone in its place the twin is unsure.
    mirrors = (twin[twin] == np.arange(len(twin))) & (apart < SAME_PLACE) & (head.base[:, 0] < 0)
    return np.where(mirrors, twin, np.arange(len(twin))), np.where(mirrors, -1, 1).astype(np.int8)
