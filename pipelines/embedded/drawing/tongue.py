"""A tongue in its jaw. The mesh's expressions leave it in its place, where it would lie over the teeth."""

from dataclasses import replace

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.head import EXPRESSION_UNITS, Figure, Head, Material

CLOSED = 0.06
"""A mouth that is opened less than this shows nothing of its inside."""
_OPEN = EXPRESSION_UNITS.index("open")
_SUNK = np.array([0, -0.10, -0.03], np.float32)  # decimetres by which it rests lower than in the mesh
_MOVES = 1e-3  # decimetres: teeth that move more than this are in the jaw


def with_tongue_in_jaw(figure: Figure, head: Head, expression: Floats) -> Figure:
    """The figure with its tongue moved as the lower teeth are, without it if the mouth is closed."""
    is_tongue = figure.materials == Material.TONGUE
    if expression[_OPEN] < CLOSED or not is_tongue.any():
        return replace(figure, triangles=figure.triangles[~is_tongue], materials=figure.materials[~is_tongue])
    tongue, teeth = (
        np.unique(head.triangles[head.materials == part]) for part in (Material.TONGUE, Material.TEETH)
    )
    opens = head.expressions[_OPEN]
    lower = teeth[np.abs(opens[teeth]).max(1) > _MOVES]
    positions = figure.positions.copy()
    if len(lower):
        positions[tongue] += expression[_OPEN] * (opens[lower].mean(0) - opens[tongue]) + _SUNK
    return replace(figure, positions=positions)
