"""The script of a job that makes a person up: renders an anchor image, then the others conditioned on it.

Who it is follows from the anchor's seed: one that misses is tried again as another person, and one that is stored
tells who it was.
"""

from collections.abc import Sequence

from models.derived import person_seed_of, seed_of
from models.job import CreateJob
from models.manifest import UsedReference
from worker.mark.statement import Ingredient
from worker.references.fetch import FetchedReference, FetchedReferences
from worker.run.imagestore import FoundImage
from worker.run.steps import Steps

ADVICE = "another job id makes another person"


def create(run: Steps[CreateJob], found: Sequence[FoundImage]) -> None:
    anchor = run.job.anchor
    run.shots.keep_pixels_of(anchor)
    anchors = [image for image in found if image.stored.shot == anchor]
    if run.gate:
        run.beside.ask_gate(run.gate.expect_anchor)
    run.take_up(anchors)
    run.render(
        FetchedReferences(), [anchor], lambda number: person_seed_of(seed_of(run.job.job_id, anchor, number))
    )
    # Only what is stored can be taken up again, and the others are nothing without it.
    run.beside.finish_uploads()
    if not run.shots.taken:
        run.keep_evidence([anchor], ADVICE)
    references, seed = _anchor_alone(run)
    if run.gate:
        run.beside.ask_gate(run.gate.check, references)
    if anchors:
        # Without the anchor that they were made with, nobody would know whom they show.
        run.take_up([image for image in found if image not in anchors])
    run.render(references, run.job.shots, lambda _: person_seed_of(seed))


def _anchor_alone(run: Steps[CreateJob]) -> tuple[FetchedReferences, int]:
    """The anchor as the one reference, and its seed."""
    stored, pixels = run.shots.stored(run.job.anchor), run.shots.pixels_of(run.job.anchor)
    assert stored
    assert pixels
    used = UsedReference(asset_id=stored.asset_id, sha256=stored.sha256)
    return FetchedReferences((FetchedReference(pixels, Ingredient(0, used)),)), stored.seed
