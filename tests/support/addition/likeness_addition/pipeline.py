"""The pipeline of the profile `flat`."""

from collections.abc import Sequence
from typing import Self

from PIL import Image

from models.influencer import Appearance
from models.manifest import RenderInfo
from pipelines.protocol import PlannedShot, ReferencePipeline, RenderedImage, Setup, Sink, Step


class Flat(ReferencePipeline):
    def __init__(self, setup: Setup) -> None:
        self._plan = setup.plan

    @classmethod
    def load(cls, setup: Setup) -> Self:
        return cls(setup)

    def render(
        self,
        references: Sequence[Image.Image],
        appearance: Appearance,
        shots: Sequence[PlannedShot],
        sink: Sink,
        person_seed: int | None = None,
    ) -> None:
        for planned in shots:
            sink.step(Step(planned.shot.name, 1, 1))
            colour = (planned.seed % 251, planned.seed % 241, planned.seed % 239)
            image = Image.new("RGB", (self._plan.size, self._plan.size), colour)
            sink.image(RenderedImage(planned.shot.name, planned.seed, image))

    def info(self) -> RenderInfo:
        return RenderInfo(
            profile="flat",
            domain="rendered",
            reads_text=False,
            pipeline="Flat",
            device="cpu",
            dtype="float32",
            steps=1,
            guidance=1,
            weights=(),
            versions={},
        )
