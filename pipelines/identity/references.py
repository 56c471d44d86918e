"""Compares the references with each other: who they show, and which of them shows somebody else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from models.calibration import Calibration, comparison_for
from models.errors import NoUsableReference
from models.likeness import CheckedReference, Metric, ReferenceFault, Subject
from pipelines.identity.faces import Vector
from pipelines.identity.portrait import Portrait
from pipelines.identity.similarity import centroid, similarity


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """References, measured and compared with each other. Picklable."""

    portraits: tuple[Portrait, ...]
    """The portraits of all references, in their order: an image may be a copy of any."""
    checked: tuple[CheckedReference, ...]
    subject: Subject

    def vectors(self, *, whole: bool) -> Vector:
        """Descriptors (N, D) of the faces, or of the whole pictures, that images are compared with; N may be 0."""
        used = [each for each, check in zip(self.portraits, self.checked, strict=True) if check.used]
        chosen = [each.whole if whole else each.vector for each in used]
        return np.array([vector for vector in chosen if vector is not None], dtype=np.float32)


def check_references(
    images: Sequence[Image.Image],
    subject: Subject,
    measure: Callable[[Image.Image], Portrait],
    calibration: Calibration,
) -> ReferenceSet:
    """Measures references, by `measure`, and finds the odd ones out.

    The person's references are the largest group that is similar to one of them; in a tie the earlier one's group,
    since the first reference is the main one. A reference that is less similar to the group than one stranger in
    ten is reported as another person. That is no proof: heads that are turned by more than 30 degrees are sometimes
    reported, too; rates are in bench/RESULTS.md. With `subject` "any" a reference without a face is used as a
    picture. Raises NoUsableReference if none has a face and `subject` is "person".
    """
    portraits = tuple(measure(image) for image in images)
    with_face = [index for index, portrait in enumerate(portraits) if portrait.vector is not None]
    if subject == "person" and not with_face:
        raise NoUsableReference(
            "No face was found in any of the references. Give pictures that show the face from the front, or "
            'say `"subject": "any"`.'
        )
    vectors = np.array([portraits[index].vector for index in with_face])
    similarities = dict(
        zip(with_face, _to_the_rest(vectors, calibration.embedder.metric, calibration), strict=True)
    )
    checked = []
    for index, portrait in enumerate(portraits):
        value, belongs = similarities.get(index, (None, subject == "any"))
        faults = []
        if not portrait.faces and subject == "person":
            faults.append(ReferenceFault.NO_FACE)
        if portrait.faces > 1:
            faults.append(ReferenceFault.SEVERAL_FACES)
        if portrait.faces and not belongs:
            faults.append(ReferenceFault.ANOTHER_PERSON)
        checked.append(
            CheckedReference(
                index=index,
                faces=portrait.faces,
                face=None if portrait.face is None else portrait.face.box,
                similarity=None if value is None else round(value, 4),
                faults=tuple(faults),
                used=belongs,
            )
        )
    return ReferenceSet(portraits, tuple(checked), subject)


def _to_the_rest(
    vectors: Vector, metric: Metric, calibration: Calibration
) -> list[tuple[float | None, bool]]:
    """For each of vectors (N, D): its similarity to the mean of the group without it, and whether it belongs."""
    if len(vectors) == 1:
        return [(None, True)]
    pairs = [similarity(metric, vector, vectors) for vector in vectors]
    alike = np.array(pairs) >= comparison_for(calibration.faces, 1).widened.similarity
    group = alike[int(np.argmax(alike.sum(1)))] if len(vectors) else np.zeros(0, dtype=bool)
    results: list[tuple[float | None, bool]] = []
    for index, vector in enumerate(vectors):
        rest = group.copy()
        rest[index] = False
        if not rest.any():  # it is a group of one, and no other reference is like it
            results.append((None, True))
            continue
        value = float(similarity(metric, vector, centroid(metric, vectors[rest])[None])[0])
        floor = comparison_for(calibration.faces, int(rest.sum())).widened.similarity
        results.append((value, value >= floor))
    return results
