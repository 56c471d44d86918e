"""A render process whose pipeline carries references' pixels into some shots, and says so."""

from typing import Any

from PIL import Image

from models.manifest import RenderInfo
from models.record import NOT_CARRIED
from models.source_type import SourceType
from worker.render import child

COMPOSITES = ("front",)
NOTED = 1
"""The reference of which nothing is carried."""
WHY = "turned too far: 52 degrees"
OUTSIDE_SEED = 17
"""It tells of a reference that it wasn't given."""


class Composer:
    """What it says of a picture is all that matters here; what it shows is the first reference, upside down."""

    def framed(self, reference: Image.Image, face: Any) -> Image.Image:
        return reference

    def memory(self) -> None:
        """A device without any."""

    def info(self) -> RenderInfo:
        return RenderInfo(
            profile="composes",
            pipeline="Composer",
            steps=1,
            dtype="none",
            device="none",
            reads_text=False,
            versions={},
        )

    def render(self, references: Any, appearance: Any, shots: Any, sink: Any, person_seed: Any) -> None:
        from pipelines.protocol import ReferenceNote, RenderedImage, Step

        is_outside = any(planned.seed == OUTSIDE_SEED for planned in shots)
        sink.reference(ReferenceNote(len(references) if is_outside else NOTED, NOT_CARRIED, WHY))
        for planned in shots:
            name = planned.shot.name
            sink.step(Step(name, 1, 1))
            picture = references[0].rotate(180).resize((96, 96))
            if name in COMPOSITES:
                sink.image(RenderedImage(name, planned.seed, picture, SourceType.COMPOSITE))
            else:
                sink.image(RenderedImage(name, planned.seed, picture))


def main(*args: Any) -> None:
    """What RenderProcess spawns in place of the real child."""
    child._load = lambda options: Composer()  # type: ignore[assignment,return-value]
    child.main(*args)
