"""Makes a calibration from pictures that are sorted by person: measured similarities decide, nobody guesses."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from models.calibration import Calibration, Comparisons, CopyKind, comparison_for
from models.domain import Domain
from models.errors import InvalidInput
from pipelines.identity.altered import copies_of
from pipelines.identity.copies import copy_ceiling
from pipelines.identity.faces import FaceEmbedder, Vector
from pipelines.identity.portrait import Portrait, take_portrait
from pipelines.identity.similarity import centroid, similarity
from pipelines.identity.statistics import Pairs, compare, one_to_one

MAX_YAW = 30.0
"""Degrees. With dlib, errors double when views from 30 to 40 degrees come in; see bench/RESULTS.md."""
_SIZES = (1, 2, 4)
_SMALL_SIDES = (96, 64, 48, 32, 24)
_BEARABLE = 0.05
# Pictures that copies and small versions are made of: more of them cost time and change little.
_MOST_ALTERED = 32


@dataclass(frozen=True, slots=True)
class View:
    """One picture of a person."""

    person: str
    image: Image.Image
    """RGB."""
    yaw: float | None = None
    """The head's yaw in degrees, where it is known."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A view in which a face was found."""

    view: View
    portrait: Portrait
    vector: Vector


def calibrate(
    views: Sequence[View],
    embedder: FaceEmbedder,
    made_on: str,
    domain: Domain,
    *,
    max_yaw: float = MAX_YAW,
    told: Callable[[int, int], None] | None = None,
) -> tuple[Calibration, Pairs]:
    """Measures views of at least two people, each with two pictures that show a face. The pairs are for a plot.

    Views that are turned further than `max_yaw` are left out, and such shots won't be judged. Up to 32 views are
    copied and made smaller as well, twelve times each. `told` is called with the number of views that were measured
    so far, and the number of all. Raises InvalidInput if there are too few.
    """
    facing = [view for view in views if view.yaw is None or abs(view.yaw) <= max_yaw]
    known = []
    for number, view in enumerate(facing, start=1):
        portrait = take_portrait(view.image, embedder)
        if portrait.vector is not None:
            known.append(_Known(view, portrait, portrait.vector))
        if told is not None:
            told(number, len(facing))
    metric = embedder.embedder.metric
    people = [each.view.person for each in known]
    vectors = np.array([each.vector for each in known])
    faces = compare(metric, vectors, people, _SIZES)
    if not faces:
        raise InvalidInput("A calibration needs at least two people with two pictures each that show a face.")
    by_person: dict[str, list[Portrait]] = defaultdict(list)
    for each in known:
        by_person[each.view.person].append(each.portrait)
    altered = known[:: -(-len(known) // _MOST_ALTERED)]
    copies = _copies(altered, embedder)
    if all(copy.vector is None for _, copy in copies["scaled"]):
        raise InvalidInput("No face is found once the pictures are halved. A calibration needs larger ones.")
    calibration = Calibration(
        embedder=embedder.embedder,
        domain=domain,
        origin="measured",
        made_on=made_on,
        personas=len(by_person),
        images=len(facing),
        detected=len(known) / len(facing),
        max_yaw=max_yaw,
        min_face_side=_least_side(altered, known, embedder, faces),
        faces=faces,
        whole_images=compare("cosine", np.array([each.portrait.whole for each in known]), people, _SIZES),
        copy_ceiling=copy_ceiling(list(by_person.values()), copies),
    )
    return calibration, one_to_one(metric, vectors, people)


def _copies(
    altered: Sequence[_Known], embedder: FaceEmbedder
) -> dict[CopyKind, list[tuple[Portrait, Portrait]]]:
    """Views with their copies, by kind."""
    copies: dict[CopyKind, list[tuple[Portrait, Portrait]]] = defaultdict(list)
    for each in altered:
        assert each.portrait.face is not None
        for kind, image in copies_of(each.view.image, each.portrait.face.box):
            copies[kind].append((each.portrait, take_portrait(image, embedder)))
    return copies


def _least_side(
    altered: Sequence[_Known], known: Sequence[_Known], embedder: FaceEmbedder, faces: Comparisons
) -> int:
    """The smallest of a few sides of a face, in pixels, at which shrunken pictures still pass about as often as the
    originals."""
    usual = _taken([each.portrait for each in altered], altered, known, embedder, faces)
    least = _SMALL_SIDES[0]
    for side in _SMALL_SIDES:
        shrunken = [take_portrait(_shrunken(each, side), embedder) for each in altered]
        if _taken(shrunken, altered, known, embedder, faces) < usual - _BEARABLE:
            break
        least = side
    return least


def _shrunken(known: _Known, side: int) -> Image.Image:
    """The view, scaled down so that its face's box has this side. It is never enlarged."""
    image, face = known.view.image, known.portrait.face
    scale = 1.0 if face is None else min(1.0, side / face.box.side)
    return image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS
    )


def _taken(
    portraits: Sequence[Portrait],
    originals: Sequence[_Known],
    known: Sequence[_Known],
    embedder: FaceEmbedder,
    faces: Comparisons,
) -> float:
    """The share of portraits that pass the floor against their person's other pictures."""
    metric, taken = embedder.embedder.metric, 0
    for portrait, original in zip(portraits, originals, strict=True):
        others = [
            each.vector for each in known if each is not original and each.view.person == original.view.person
        ]
        if portrait.vector is None or not others:
            continue
        mean = centroid(metric, np.array(others))
        floor = comparison_for(faces, len(others)).at_fmr_1_percent.similarity
        taken += bool(similarity(metric, portrait.vector, mean[None])[0] >= floor)
    return taken / max(1, len(portraits))
