"""A `likeness worker` whose device and judge are dummies that start in a moment. All the rest of it is real.

Both write what they do into the file that `FAULTS_NOTES` names, one JSON document a line: that is how the tests
know which image was on the device when. A job's `vibe` is its id; with the `style` MISSES, no try of its last shot
is taken. While there is a file where `FAULTS_BROKEN` says, the device can't be loaded; with `FAULTS_LOOP` set, the
consumer loop ends at the first message. It loads until somebody writes to the pipe at `FAULTS_LOADS`.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image

from models.errors import WeightsMissing
from models.likeness import (
    CheckedReference,
    Embedder,
    ImageScores,
    Judgement,
    Reason,
    Verdict,
)
from models.manifest import RenderInfo
from models.source_type import SourceType

MISSES = "misses"

SIDE, STEPS = 64, 4
_NO_HASH = "0" * 64
_MISSED = (200, 0, 0)


def note(what: str, **data: Any) -> None:
    line = json.dumps({"at": time.time(), "what": what, "pid": os.getpid(), **data}) + "\n"
    with Path(os.environ["FAULTS_NOTES"]).open("ab", buffering=0) as notes:
        # Many processes append, each line in one write.
        notes.write(line.encode())


# What the render process wants of pipelines.protocol, which would import torch.
@dataclass(frozen=True, slots=True)
class PlannedShot:
    shot: Any
    seed: int


@dataclass(frozen=True, slots=True)
class Step:
    shot: str
    step: int
    steps: int
    preview: None = None


@dataclass(frozen=True, slots=True)
class RenderedImage:
    shot: str
    seed: int
    image: Image.Image
    source_type: SourceType = SourceType.GENERATED


class RenderCanceled(Exception):
    pass


class Device:
    """Takes its time for an image and no CPU. The same seed gives the same picture."""

    def __init__(self) -> None:
        if Path(os.environ.get("FAULTS_BROKEN", os.devnull)).is_file():
            raise WeightsMissing("There are none.")
        if fifo := os.environ.get("FAULTS_LOADS"):
            # For as long as nobody writes to it.
            Path(fifo).read_bytes()
        self._seconds = float(os.environ["FAULTS_SECONDS"])

    def framed(self, reference: Image.Image, face: Any) -> Image.Image:
        return reference

    def memory(self) -> None:
        """A device without any."""

    def info(self) -> RenderInfo:
        return RenderInfo(
            profile="quick",
            pipeline="Device",
            steps=STEPS,
            dtype="none",
            device="none",
            reads_text=False,
            versions={},
        )

    def render(
        self, references: Any, appearance: Any, shots: Any, sink: Any, person_seed: int | None = None
    ) -> None:
        for planned in shots:
            name, seed = planned.shot.name, planned.seed
            misses = appearance.style == MISSES and planned is shots[-1]
            began = time.time()
            note("begun", job=appearance.vibe, shot=name)
            for step in range(1, STEPS + 1):
                time.sleep(self._seconds / STEPS)
                sink.step(Step(name, step, STEPS))
            colour = _MISSED if misses else (0, seed % 256, seed // 256 % 256)
            note("rendered", job=appearance.vibe, shot=name, began=began)
            sink.image(RenderedImage(name, seed, Image.new("RGB", (SIDE, SIDE), colour)))


class Judge:
    """Takes every picture that isn't red."""

    calibration = SimpleNamespace(
        embedder=Embedder(name="quick", metric="cosine", files={}),
        digest=_NO_HASH,
        domain="rendered",
        origin="measured",
        made_on="nothing",
    )

    def check_references(self, images: Any, subject: Any) -> Any:
        checked = tuple(CheckedReference(index=i, faces=1, used=True) for i, _ in enumerate(images))
        return SimpleNamespace(checked=checked)

    def portrait(self, image: Image.Image) -> Any:
        return image.getpixel((0, 0))

    def judge(self, portrait: Any, *_: Any, yaw: float, **__: Any) -> Judgement:
        # A watermark changes a colour a little.
        missed = portrait[0] > _MISSED[0] // 2
        return Judgement(
            embedder=self.calibration.embedder,
            calibration=_NO_HASH,
            yaw=yaw,
            scores=ImageScores(width=SIDE, height=SIDE, faces=1, references=()),
            verdict=Verdict(
                outcome="miss" if missed else "pass", reasons=(Reason.NOT_THE_SAME_FACE,) if missed else ()
            ),
        )


def _fail(*_: Any) -> None:
    raise RuntimeError("This stands for all that nobody foresaw.")


def render_main(*args: Any) -> None:
    """What is spawned in place of the real render process."""
    from worker.render import child

    sys.modules["pipelines.protocol"] = sys.modules[__name__]
    child._load = lambda options: Device()  # type: ignore[assignment,return-value]
    note("render loads", parent=os.getppid())
    child.main(*args)


def judge_main(*args: Any) -> None:
    """What is spawned in place of the real verify process."""
    from worker.verify import child

    child._load_likeness = lambda options: Judge()  # type: ignore[assignment,return-value]
    note("verify loads", parent=os.getppid())
    child.main(*args)


if __name__ == "__main__":
    from worker.cli import main
    from worker.render import process as render_process
    from worker.verify import process as verify_process

    render_process.child_main = render_main  # type: ignore[assignment,attr-defined]
    verify_process.child_main = judge_main  # type: ignore[assignment,attr-defined]
    if os.environ.get("FAULTS_LOOP"):
        from worker.queue import transport

        transport.Channel._deliver = _fail  # type: ignore[method-assign,assignment]
    main()
