"""Limits how much of the references' own C2PA manifests an image carries.

A mark has the marks of what it was made from in it, and those have theirs. Were all carried, a clone of a clone
would have more metadata than a reader takes, this one included, and its thumbnail would be mostly that.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from worker.mark.statement import Ingredient, Origin

log = structlog.get_logger()

MOST_MARKS = 1024 * 1024
"""Bytes of all marks that an image carries: a quarter of what is read of a picture before its pixels."""


def bounded(ingredients: Sequence[Ingredient]) -> tuple[Ingredient, ...]:
    """The same ingredients, some without their marks: those that are left fit into an image together. The smallest
    are kept, for they are the most. The others are named by their hash, as references without a mark are."""
    left, dropped = MOST_MARKS, set[int]()
    for one in sorted(ingredients, key=lambda one: (one.marks_size, one.index)):
        size = one.marks_size
        if size > left:
            dropped.add(one.index)
            log.warning("reference.mark_left_out", assetId=one.reference.asset_id, bytes=size)
        else:
            left -= size
    return tuple(replace(one, marks={}) if one.index in dropped else one for one in ingredients)


def by_hash(origin: Origin) -> Origin:
    """For a thumbnail: its image carries the marks."""
    return replace(origin, ingredients=tuple(replace(one, marks={}) for one in origin.ingredients))
