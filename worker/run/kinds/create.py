"""The script of a job that makes a person up: it renders an anchor image, then the others conditioned on it.

The anchor's seed decides who the person is: an anchor that misses is tried again as another person, and the seed of
a stored one says who it was.
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
    """Runs a create job: the anchor first, then the other shots."""
    anchor = run.job.anchor
    run.shots.keep_pixels_of(anchor)
    anchors = [image for image in found if image.stored.shot == anchor]
    if run.gate:
        run.background.ask_gate(run.gate.expect_anchor)
    run.take_up(anchors)
    run.render(
        FetchedReferences(), [anchor], lambda number: person_seed_of(seed_of(run.job.job_id, anchor, number))
    )
    # Only a stored anchor can be taken up again, and the other images are worth nothing without it.
    run.background.finish_uploads()
    if not run.shots.taken:
        run.keep_evidence([anchor], ADVICE)
    references, seed = _anchor_alone(run)
    if run.gate:
        references, _ = run.background.ask_gate(run.gate.check_references, references)
    if anchors:
        # Without the anchor that they were made with, nobody would know who they show.
        run.take_up([image for image in found if image not in anchors])
    run.render(references, run.job.shots, lambda _: person_seed_of(seed))


def _anchor_alone(run: Steps[CreateJob]) -> tuple[FetchedReferences, int]:
    """Returns the anchor as the only reference, and its seed."""
    stored, pixels = run.shots.stored(run.job.anchor), run.shots.pixels_of(run.job.anchor)
    assert stored
    assert pixels
    used = UsedReference(asset_id=stored.asset_id, sha256=stored.sha256)
    return FetchedReferences((FetchedReference(pixels, Ingredient(0, used)),)), stored.seed
