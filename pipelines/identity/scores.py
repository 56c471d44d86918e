"""Scores what an image has in common with its references and with the set's other images."""

from collections.abc import Mapping

import numpy as np

from models.likeness import ImageScores, Metric, Nearest
from pipelines.identity.faces import Vector
from pipelines.identity.picture_hash import bits_apart
from pipelines.identity.pixels import Pixels
from pipelines.identity.portrait import Portrait
from pipelines.identity.references import ReferenceSet
from pipelines.identity.similarity import centroid, similarity


def score(
    portrait: Portrait, references: ReferenceSet, others: Mapping[str, Portrait], metric: Metric
) -> ImageScores:
    """Compares one image. `others` are the set's, by their shots' names; `metric` is that of the faces.

    Faces are compared where the image and the references have some; else, for the subject "any", whole pictures.
    """
    whole = is_whole(portrait, references)
    kind: Metric = "cosine" if whole else metric
    one = portrait.whole if whole else portrait.vector
    used = references.vectors(whole=whole)
    each = [
        None if one is None or other is None else _alike(kind, one, other)
        for other in ((each.whole if whole else each.vector) for each in references.portraits)
    ]
    middle = None if one is None or not len(used) else _alike(kind, one, centroid(kind, used))
    pixels = Pixels(portrait)
    named = {f"reference {number}": each for number, each in enumerate(references.portraits, start=1)}
    return ImageScores(
        width=portrait.width,
        height=portrait.height,
        faces=portrait.faces,
        face=portrait.face,
        compared=None if middle is None else "whole-image" if whole else "face",
        references=tuple(each),
        centroid=middle,
        nearest_reference=_nearest(portrait, pixels, named, metric),
        # A head to the left and one to the right are mirror images, and each is what its shot asks for.
        nearest_shot=_nearest(portrait, pixels, others, metric, mirror=False),
    )


def is_whole(portrait: Portrait, references: ReferenceSet) -> bool:
    """Whether whole pictures are compared: there are no two faces to compare, and the subject allows it."""
    faceless = portrait.vector is None or not len(references.vectors(whole=False))
    return references.subject == "any" and faceless


def _nearest(
    portrait: Portrait,
    pixels: Pixels,
    others: Mapping[str, Portrait],
    metric: Metric,
    *,
    mirror: bool = True,
) -> Nearest | None:
    if not others:
        return None
    bits = {name: bits_apart(portrait.hashes, other.hashes, mirror=mirror) for name, other in others.items()}
    by_hash = min(bits, key=lambda name: bits[name][0])
    faces = {
        name: _alike(metric, portrait.vector, other.vector)
        for name, other in others.items()
        if portrait.vector is not None and other.vector is not None
    }
    left = {
        name: difference
        for name, other in others.items()
        if (difference := pixels.difference(other, mirror=mirror)) is not None
    }
    by_pixels = min(left, key=lambda name: left[name], default=None)
    by_face = max(faces, key=lambda name: faces[name], default=None)
    return Nearest(
        by_hash=by_hash,
        hash_bits=bits[by_hash][0],
        mirrored=bits[by_hash][1],
        by_face=by_face,
        similarity=None if by_face is None else faces[by_face],
        by_pixels=by_pixels,
        difference=None if by_pixels is None else round(left[by_pixels], 5),
    )


def _alike(metric: Metric, one: Vector, other: Vector) -> float:
    return round(float(similarity(metric, one, np.asarray(other)[None])[0]), 4)
