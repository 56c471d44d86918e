"""The seam between the render process and a pipeline profile."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from PIL import Image

from models.influencer import Appearance
from models.manifest import RenderInfo
from models.render import SpeedOptions
from models.shot import Shot, shot_named
from models.source_type import SourceType
from pipelines.device import Device
from pipelines.profile import Plan
from pipelines.weights import VerifiedSource


@dataclass(frozen=True, slots=True)
class PlannedShot:
    """A shot and the seed of its image."""

    shot: Shot
    seed: int


@dataclass(frozen=True, slots=True)
class Step:
    """Denoising steps done, of `steps`, for one shot."""

    shot: str
    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class RenderedImage:
    """A finished image: RGB. It is marked as its source type says."""

    shot: str
    seed: int
    image: Image.Image
    source_type: SourceType = SourceType.GENERATED
    """A composite has pixels of all references but those with a note NOT_CARRIED or NOT_USED (models.record)."""


@dataclass(frozen=True, slots=True)
class ReferenceNote:
    """A reference conditioned the images less than it could."""

    index: int
    """Into the references that `render` was given."""
    code: str
    """A stable one, in capitals: NOT_CARRIED, NOT_USED, or one of the profile's own."""
    message: str
    """Why, for a person, as it reads in brackets: `turned too far: 52 degrees`."""


class RenderCanceled(Exception):
    """Raised by a Sink to stop the device; the pipeline lets it pass and stays usable."""


class Sink(Protocol):
    """Where a render tells what it has done."""

    def step(self, step: Step) -> None:
        """Called by the rendering thread after each denoising step. What it raises ends the render."""

    def image(self, image: RenderedImage) -> None:
        """Called once for each image, perhaps by another thread while the next one is on the device.

        What it raises ends the render, too.
        """

    def reference(self, note: ReferenceNote) -> None:
        """Called by the rendering thread, for each such reference, before the images that it concerns.

        A note that was given already changes nothing. What it raises ends the render.
        """


@dataclass(frozen=True, slots=True)
class Setup:
    """What a pipeline is loaded with."""

    plan: Plan
    device: Device
    speed: SpeedOptions
    weights: tuple[VerifiedSource, ...] = ()
    """One for each of the profile's sources, in their order."""


class ReferencePipeline(ABC):
    """References and shots in, images out. One instance serves one thread, job after job."""

    @classmethod
    @abstractmethod
    def load(cls, setup: Setup) -> Self:
        """Load weights onto the device. Raises WeightsRefused for those that can't be trusted."""

    @abstractmethod
    def render(
        self,
        references: Sequence[Image.Image],
        appearance: Appearance,
        shots: Sequence[PlannedShot],
        sink: Sink,
        person_seed: int | None = None,
    ) -> None:
        """Render one image for each shot and give it to the sink as soon as it is done.

        `references` are RGB, upright, 1 to 20 of them. With a `person_seed` the person is made up, and looks as
        that seed and the appearance have it; then references are earlier images of the same person, and may be
        none. Raises ProfileNeedsReferences in a profile that can't make people up.

        What `sink` raises (RenderCanceled) ends the
        render and leaves the pipeline clean for the next job. Raises RenderOutOfMemory or DeviceLost when
        this process can't go on.
        """

    @abstractmethod
    def info(self) -> RenderInfo:
        """What renders here, for the manifest."""

    def warm_up(self) -> None:
        """Render an image that nobody gets, so that the first job waits for nothing and meets no surprise."""
        grey = Image.new("RGB", (256, 256), (127, 127, 127))
        self.render([grey], Appearance(), [PlannedShot(shot_named("front"), 0)], Discard())


class Discard:
    """A sink that keeps nothing."""

    def step(self, step: Step) -> None: ...

    def image(self, image: RenderedImage) -> None: ...

    def reference(self, note: ReferenceNote) -> None: ...
