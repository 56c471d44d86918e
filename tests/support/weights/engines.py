"""Engines with tiny weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.influencer import Appearance
from models.shot import shot_named
from models.source_type import SourceType
from pipelines.device import Device, Phase
from pipelines.diffusion import DiffusionEngine
from pipelines.protocol import PlannedShot, Preview, ReferenceNote, RenderCanceled, RenderedImage, Step
from worker.stack.samples import load_sample

PROFILES = ("flux2-klein", "qwen-image-edit", "sdxl-ip-adapter")

Levels = npt.NDArray[np.int64]


def references_of(persona: str, count: int = 2) -> list[Image.Image]:
    _, files = load_sample(persona)
    return [Image.open(BytesIO(data)).convert("RGB").resize((128, 128)) for data in files[:count]]


@dataclass
class Kept:
    """A sink that keeps everything."""

    steps: list[tuple[str, int]] = field(default_factory=list)
    images: dict[str, Levels] = field(default_factory=dict)
    source_types: dict[str, SourceType] = field(default_factory=dict)
    notes: list[ReferenceNote] = field(default_factory=list)

    def step(self, step: Step) -> None:
        self.steps.append((step.shot, step.step))

    def image(self, image: RenderedImage) -> None:
        self.images[image.shot] = np.asarray(image.image, np.int64)
        self.source_types[image.shot] = image.source_type

    def reference(self, note: ReferenceNote) -> None:
        assert not self.images, "before the images that it concerns"
        self.notes.append(note)


class Looks(Kept):
    """Keeps a preview of each step, too."""

    def __init__(self) -> None:
        super().__init__()
        self.previews: dict[tuple[str, int], Preview | None] = {}

    def step(self, step: Step) -> None:
        super().step(step)
        assert step.preview
        self.previews[step.shot, step.step] = step.preview()


class CancelAt(Kept):
    """Cancels the render at a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._at = step

    def step(self, step: Step) -> None:
        super().step(step)
        if step.step == self._at:
            raise RenderCanceled


class FaultyDevice(Device):
    """A CPU that fails at chosen points: `faults` maps a phase and its number, from 1, to what is raised."""

    def __init__(self, faults: dict[tuple[Phase, int], Exception] | None = None) -> None:
        super().__init__("cpu")
        self.faults = faults or {}
        self.phases: list[Phase] = []
        self.freed = 0

    def phase(self, name: Phase) -> Any:
        self.phases.append(name)
        fault = self.faults.pop((name, self.phases.count(name)), None)
        if fault:
            raise fault
        return super().phase(name)

    def free(self) -> None:
        self.freed += 1
        super().free()


BuildEngine = Callable[..., DiffusionEngine]


def render(engine: DiffusionEngine, references: Sequence[Image.Image], *shots: str, sink: Any = None) -> Kept:
    """Each shot's seed follows from its name, so that it is the same in every batch."""
    planned = [PlannedShot(shot_named(shot), sum(shot.encode())) for shot in shots]
    kept = Kept() if sink is None else sink
    engine.render(references, Appearance(), planned, kept)
    result: Kept = kept
    return result


def difference(one: Levels, other: Levels) -> int:
    """The largest, in levels of 255."""
    return int(np.abs(one - other).max())
