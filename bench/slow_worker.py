"""A worker whose device takes its time and no CPU, as a GPU does, and then has pictures that pass the gate."""

import os
import time
from io import BytesIO
from typing import Any

from PIL import Image

from models.manifest import RenderInfo
from models.source_type import SourceType
from worker.render import child, process
from worker.stack.samples import load_sample

REFERENCES = 2
SHOTS = ("front", "smile", "serious", "profile")
SIDE, STEPS = 1024, 4


def work(seconds: float) -> None:
    """One step of the device."""
    time.sleep(seconds)


class SlowPictures:
    """Fresh pictures of the sample persona, one for each of SHOTS."""

    def __init__(self) -> None:
        self._seconds = float(os.environ["BENCH_SECONDS"])
        _, files = load_sample("jonas")
        self._pictures = {
            shot: Image.open(BytesIO(data)).convert("RGB").resize((SIDE, SIDE))
            for shot, data in zip(SHOTS, files[REFERENCES:], strict=True)
        }

    def framed(self, reference: Image.Image, face: Any) -> Image.Image:
        return reference

    def memory(self) -> None:
        """A device without any."""

    def info(self) -> RenderInfo:
        return RenderInfo(
            profile="slow",
            pipeline="SlowPictures",
            steps=STEPS,
            dtype="none",
            device="none",
            domain="rendered",
            reads_text=False,
            versions={},
        )

    def render(
        self, references: Any, appearance: Any, shots: Any, sink: Any, person_seed: int | None = None
    ) -> None:
        from pipelines.protocol import PREVIEW_SIDE, Preview, RenderedImage, Step

        for planned in shots:
            name = planned.shot.name

            def preview(name: str = name) -> Preview:
                small = self._pictures[name].resize((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.NEAREST)
                return Preview(small, SourceType.GENERATED)

            for step in range(1, STEPS + 1):
                work(self._seconds / STEPS)
                sink.step(Step(name, step, STEPS, preview))
            sink.image(RenderedImage(name, planned.seed, self._pictures[name]))


def render_main(*args: Any) -> None:
    """What is spawned in place of the real render process."""
    child._load = lambda _: SlowPictures()  # type: ignore[assignment,return-value]
    child.main(*args)


if __name__ == "__main__":
    from worker.cli import main

    process.child_main = render_main  # type: ignore[assignment,attr-defined]
    main()
