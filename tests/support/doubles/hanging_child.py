"""A render process that hangs where it is told to: by its profile while it loads, by a seed while it renders."""

import sys
import time
from typing import Any

from PIL import Image

from models.manifest import RenderInfo
from tests.e2e.faults import quick_worker
from worker.render import child

LOADS_FOREVER = "loads-forever"
STEPS_FOREVER, DECODES_FOREVER = 1, 2
"""Seeds."""


class Device:
    """Two steps for each shot, all in one batch."""

    def framed(self, reference: Image.Image, face: Any) -> Image.Image:
        return reference

    def memory(self) -> None:
        """A device without any."""

    def info(self) -> RenderInfo:
        return RenderInfo(
            profile="hangs",
            pipeline="Device",
            steps=2,
            dtype="none",
            device="none",
            reads_text=False,
            versions={},
        )

    def render(self, references: Any, appearance: Any, shots: Any, sink: Any, person_seed: Any) -> None:
        for step in (1, 2):
            for planned in shots:
                if planned.seed == STEPS_FOREVER and step == 2:
                    time.sleep(60)
                sink.step(quick_worker.Step(planned.shot.name, step, 2))
        for planned in shots:
            if planned.seed == DECODES_FOREVER:
                time.sleep(60)
            image = Image.new("RGB", (8, 8))
            sink.image(quick_worker.RenderedImage(planned.shot.name, planned.seed, image))


def main(*args: Any) -> None:
    """What RenderProcess spawns in place of the real child. It imports no torch."""
    sys.modules["pipelines.protocol"] = quick_worker
    child._load = _load  # type: ignore[assignment]
    child.main(*args)


def _load(options: Any) -> Device:
    if options.profile == LOADS_FOREVER:
        time.sleep(60)
    return Device()
