"""Unpacks the arrays that a drawing needs. Packed, they have about a sixth of their full size.

Fractions are stored as whole numbers with a scale, and of two vertices that mirror each other, one is stored.
`training.people.pack` packs them.
"""

import numpy as np

from pipelines.embedded.people.arrays import Arrays

MIRRORED = ("head.base", "head.expressions", "shape.mean", "shape.components")
"""Arrays (…, N, 3) of which only some vertices are stored. `mirror.source` (N,) says for each vertex which stored
one it is, and `mirror.sign` (N,) is -1 where it lies on the other side."""

COMPONENTS = ("shape.components.first", "shape.components.rest")
"""Two parts of one array: the first components move a face most and are stored more exactly."""

WEIGHTS = ".weights"
"""The ending of the names of arrays (M, 3) with rows that add up to 1: two columns are stored."""

SCALE = ".scale"
"""The ending of a scale's name. The array with the name before it is multiplied by the scale."""


def unpacked(packed: Arrays) -> Arrays:
    """Unpacks all arrays, by name, in float32 and int32."""
    stored = dict(packed)
    source, sign = stored.pop("mirror.source").astype(np.int32), stored.pop("mirror.sign")
    arrays: Arrays = {}
    for name, array in stored.items():
        if name + SCALE in stored:
            arrays[name] = array * stored[name + SCALE]
        elif not name.endswith(SCALE):
            arrays[name] = array.astype(np.int32) if array.dtype.kind in "iu" else array
    arrays["shape.components"] = np.concatenate([arrays.pop(name) for name in COMPONENTS])
    for name in MIRRORED:
        whole = arrays[name].take(source, -2)  # contiguous, which an index in the middle is not
        whole[..., 0] *= sign
        arrays[name] = whole
    for name in [name for name in arrays if name.endswith(WEIGHTS)]:
        arrays[name] = np.column_stack([arrays[name], 1 - arrays[name].sum(1)])
    return arrays


def within(arrays: Arrays, group: str) -> Arrays:
    """The arrays of a group: each "group.name" becomes "name"."""
    start = f"{group}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
