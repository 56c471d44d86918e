"""The profile's pipeline: draws a placeholder for each shot."""

import time
from collections.abc import Sequence
from typing import Self, cast

from PIL import Image, ImageDraw, ImageFont

from models.errors import NoUsableReference, RenderError
from models.influencer import Appearance
from models.manifest import RenderInfo
from models.source_type import SourceType
from pipelines.fake.outcome import Outcome
from pipelines.profile import Plan
from pipelines.protocol import PlannedShot, ReferencePipeline, RenderedImage, Setup, Sink, Step

_MISSED, _TAKEN = (200, 0, 0), (96, 96, 96)
"""The colour of an image's upper left pixel: whether it is to miss the likeness."""
WARNING = "The profile fake draws placeholders. It is for tests alone."
_TICK = 0.05  # seconds between two looks whether a slow order was called off


class Fake(ReferencePipeline):
    """Draws placeholders that nobody takes for a picture of somebody. The same seed gives the same one."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @classmethod
    def load(cls, setup: Setup) -> Self:
        return cls(setup.plan)

    def render(
        self,
        references: Sequence[Image.Image],
        appearance: Appearance,
        shots: Sequence[PlannedShot],
        sink: Sink,
        person_seed: int | None = None,  # noqa: ARG002 - placeholders show nobody
    ) -> None:
        outcome = Outcome.of(appearance.vibe)
        if outcome.has_no_reference:
            raise NoUsableReference(
                "None of the references can be used: the job asked for this outcome.",
                references=[
                    {"index": index, "code": "REFERENCE_UNUSABLE"} for index, _ in enumerate(references)
                ],
            )
        if outcome.fails:
            raise RenderError("The device failed: the job asked for this outcome.")
        steps = self._plan.steps
        for planned in shots:
            name = planned.shot.name
            for step in range(1, steps + 1):
                _wait(outcome.seconds / steps, Step(name, step - 1, steps), sink)
                sink.step(Step(name, step, steps))
            picture = placeholder(self._plan.size, name, planned.seed, misses=outcome.misses(name))
            sink.image(RenderedImage(name, planned.seed, picture, SourceType.ALGORITHMIC))

    def info(self) -> RenderInfo:
        return RenderInfo(
            profile=self._plan.profile.name,
            pipeline=type(self).__name__,
            steps=self._plan.steps,
            dtype="none",
            device="none",
            domain=self._plan.profile.domain,
            reads_text=False,
            warnings=(WARNING,),
            versions={},
        )


def placeholder(size: int, shot: str, seed: int, *, misses: bool) -> Image.Image:
    """Draws one: stripes as of a barrier tape, and what it is, in words."""
    image = Image.new("RGB", (size, size), (seed % 96 + 64, seed // 96 % 96 + 64, 160))
    draw = ImageDraw.Draw(image)
    step = size // 8
    for left in range(-size, size, 2 * step):
        draw.polygon(((left, size), (left + step, size), (left + step + size, 0), (left + size, 0)), "gold")
    draw.rectangle((0, size // 4, size, size * 7 // 8), "black")
    said = "placeholder that misses" if misses else "placeholder"
    for top, text, height in ((2, "FAKE", 5), (4, said, 12), (5, shot, 12), (6, f"seed {seed}", 18)):
        _centred(draw, size, size * top // 8 + size // 48, text, size // height)
    image.putpixel((0, 0), _MISSED if misses else _TAKEN)
    return image


def is_to_miss(image: Image.Image) -> bool:
    """Whether a placeholder, RGB, is to miss the likeness. A watermark changes how bright a colour is, no more."""
    red, green, _ = cast("tuple[int, int, int]", image.getpixel((0, 0)))
    return red - green > _MISSED[0] // 2


def _centred(draw: ImageDraw.ImageDraw, size: int, top: int, text: str, height: int) -> None:
    font = ImageFont.load_default(size=height)
    draw.text(((size - draw.textlength(text, font=font)) / 2, top), text, "white", font=font)


def _wait(seconds: float, step: Step, sink: Sink) -> None:
    """Waits as a slow device does, which stops when its order is called off."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        time.sleep(min(left, _TICK))
        sink.step(step)
