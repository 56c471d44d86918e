"""A run of a job that makes a person up: one image is the anchor, and the others show whom it shows."""

from collections.abc import Sequence
from dataclasses import replace

from models.derived import person_seed_of, seed_of
from models.job import CreateJob
from models.likeness import Judgement
from models.manifest import UsedReference
from worker.mark.statement import Ingredient
from worker.references.fetch import FetchedReferences
from worker.render import RawImage, RenderOrder
from worker.run.imagestore import FoundImage
from worker.run.job_run import JobRun, Made

_NONE = FetchedReferences((), (), ())


class CreateRun(JobRun[CreateJob]):
    """Who it is follows from the anchor's seed: one that misses is tried again as another person, and one that is
    stored tells who it was."""

    advice = "another job id makes another person"

    _anchor: RawImage | None = None

    def _make(self, found: list[FoundImage]) -> None:
        anchors = [image for image in found if image.stored.shot == self._job.anchor]
        if self._gate:
            self._result_of(self._judging.submit(self._gate.expect_anchor))
        self._judge_found(anchors)
        self._render(_NONE, [self._job.anchor])
        # Only what is stored can be taken up again, and the others are nothing without it.
        self._finish(self._uploads)
        if self._anchor is None:
            self._keep_evidence([self._job.anchor])
        references = self._anchor_alone()
        if self._gate:
            self._result_of(self._judging.submit(self._gate.check, references))
        if anchors:
            # Without the anchor that they were made with, nobody would know whom they show.
            self._judge_found([image for image in found if image not in anchors])
        self._render(references, self._job.shots)

    def _order(self, references: FetchedReferences, shots: Sequence[str], attempt: int) -> RenderOrder:
        anchor = self._stored.get(self._job.anchor)
        seed = anchor.seed if anchor else seed_of(self._job.job_id, self._job.anchor, attempt)
        return replace(super()._order(references, shots, attempt), person_seed=person_seed_of(seed))

    def _anchor_alone(self) -> FetchedReferences:
        """The anchor as the one reference."""
        assert self._anchor
        stored = self._stored[self._job.anchor]
        used = UsedReference(asset_id=stored.asset_id, sha256=stored.sha256)
        return FetchedReferences((self._anchor,), (Ingredient(0, used),), ())

    def _take_up(self, image: FoundImage, judgement: Judgement | None) -> None:
        super()._take_up(image, judgement)
        if image.stored.shot == self._job.anchor:
            self._anchor = image.pixels()

    def _take(self, made: Made, judgement: Judgement | None) -> None:
        if made.done.shot == self._job.anchor:
            self._anchor = made.done.image
        super()._take(made, judgement)
