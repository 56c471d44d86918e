"""Limits how much of the references' own C2PA manifests an image carries.

An image's mark contains the marks of what the image was made from, and those contain theirs. If all were carried, a
clone of a clone would have more metadata than a reader accepts, ours included, and its thumbnail would be mostly
that.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from worker.mark.statement import Ingredient, Origin

log = structlog.get_logger()

MOST_MARKS = 1024 * 1024
"""The most bytes of marks in one image: a quarter of what is read of a picture before its pixels."""


def bounded(ingredients: Sequence[Ingredient]) -> tuple[Ingredient, ...]:
    """Drops marks of ingredients until the rest fits into one image. The smallest are kept, which keeps the
    most. The other ingredients are named by their hash, as references without a mark are."""
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
    """The origin without marks, for a thumbnail: its image carries the marks."""
    return replace(origin, ingredients=tuple(replace(one, marks={}) for one in origin.ingredients))
