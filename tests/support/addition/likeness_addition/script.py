"""What a worker does for a postcard."""

from collections.abc import Sequence

from likeness_addition.job import PostcardJob
from worker.references.fetch import FetchedReferences
from worker.run.imagestore import FoundImage
from worker.run.kinds.table import Kind
from worker.run.steps import Steps


def postcard(run: Steps[PostcardJob], found: Sequence[FoundImage]) -> None:
    run.take_up(found)
    run.render(FetchedReferences(), run.job.shots, lambda _: 7)


POSTCARD = Kind(postcard, advice="another persona may help")
