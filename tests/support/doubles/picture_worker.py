"""A `likeness worker` whose pipeline returns pictures that its jobs name. All the rest of it is real.

A job's `style` has the pictures of each shot's tries, as `script` writes them: a sample persona's name and a
picture's number, `wall`, on which there is no face, or a colour. Its `vibe` is the job's id, by which a seed
tells its try.
"""

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import structlog
from PIL import Image, ImageColor

from models.derived import seed_of
from models.influencer import Appearance
from models.manifest import RenderInfo
from worker.render import child, process
from worker.stack.samples import load_sample
from worker.verify import process as verify_process

log = structlog.get_logger()

Script = Mapping[str, Sequence[str]]


def script(pictures: Script) -> str:
    return json.dumps(pictures, separators=(",", ":"))


def picture(name: str) -> Image.Image:
    if name == "wall":
        return Image.radial_gradient("L").resize((512, 512)).convert("RGB")
    if name in ImageColor.colormap:
        return Image.new("RGB", (64, 64), name)
    persona, number = name.split()
    return Image.open(BytesIO(load_sample(persona)[1][int(number)])).convert("RGB")


class Pictures:
    """A pipeline in all that the render process asks of one."""

    def framed(self, reference: Image.Image, face: Any) -> Image.Image:
        return reference

    def memory(self) -> None:
        """A device without any."""

    def info(self) -> RenderInfo:
        return RenderInfo(
            profile="pictures",
            pipeline="Pictures",
            steps=1,
            dtype="none",
            device="none",
            domain="rendered",
            reads_text=False,
            versions={},
        )

    def render(
        self, references: Any, appearance: Appearance, shots: Any, sink: Any, person_seed: int | None = None
    ) -> None:
        from pipelines.protocol import RenderedImage, Step

        pictures = json.loads(appearance.style or "{}")
        for planned in shots:
            name = planned.shot.name
            tries = pictures[name]
            (number,) = [n for n in range(9) if seed_of(appearance.vibe or "", name, n) == planned.seed]
            sink.step(Step(name, 1, 1))
            sink.image(RenderedImage(name, planned.seed, picture(tries[min(number, len(tries) - 1)])))


def render_main(*args: Any) -> None:
    """What is spawned in place of the real render process."""
    child._load = lambda options: Pictures()  # type: ignore[assignment,return-value]
    child.main(*args)


class TellingChild(verify_process._Child):
    """It is logged when it is asked: from then on, its death is a death at work."""

    def send(self, message: Any, timeout: float) -> None:
        log.info("verify.asked")
        super().send(message, timeout)


if __name__ == "__main__":
    from worker.cli import main

    process.child_main = render_main  # type: ignore[assignment,attr-defined]
    verify_process._Child = TellingChild  # type: ignore[misc]
    main()
