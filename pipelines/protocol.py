"""The interface between the render process and a pipeline profile."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from PIL import Image

from models.influencer import Appearance
from models.likeness import FaceBox
from models.manifest import RenderInfo
from models.shot import Shot, shot_named
from models.source_type import SourceType
from pipelines.profile import Plan
from pipelines.weights import VerifiedSource

if TYPE_CHECKING:
    from pipelines.device import Device


@dataclass(frozen=True, slots=True)
class PlannedShot:
    """A shot and the seed of its image."""

    shot: Shot
    seed: int


PREVIEW_SIDE = 128
"""The longest side of a preview, in pixels."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A small RGB picture of an image that is still being denoised."""

    image: Image.Image
    source_type: SourceType


@dataclass(frozen=True, slots=True)
class Step:
    """The progress of one shot: `step` of `steps` denoising steps are done."""

    shot: str
    step: int
    steps: int
    preview: Callable[[], Preview | None] | None = None
    """Makes a preview of what this step left; it works until `Sink.step` returns. None where the profile can't."""


@dataclass(frozen=True, slots=True)
class RenderedImage:
    """A finished RGB image, which is marked according to its source type."""

    shot: str
    seed: int
    image: Image.Image
    source_type: SourceType = SourceType.GENERATED
    """A composite has pixels of all references except those with a note NOT_CARRIED or NOT_USED (models.record)."""


@dataclass(frozen=True, slots=True)
class ReferenceNote:
    """A note that a reference conditioned the images less than it could have."""

    index: int
    """The reference's position in the list that `render` was given."""
    code: str
    """A stable code in capitals: NOT_CARRIED, NOT_USED, or one of the profile's own."""
    message: str
    """The reason in words, as it reads in brackets: `turned too far: 52 degrees`."""


class RenderCanceled(Exception):
    """Raised by a Sink to stop the device; the pipeline lets it pass and stays usable."""


class Sink(Protocol):
    """Receives the progress and the images of a render."""

    def step(self, step: Step) -> None:
        """Called by the rendering thread after each denoising step. What it raises ends the render."""

    def image(self, image: RenderedImage) -> None:
        """Called once for each image, perhaps by another thread while the next one is on the device.

        What it raises ends the render, too.
        """

    def reference(self, note: ReferenceNote) -> None:
        """Called by the rendering thread for each note, before the images that it concerns.

        A note that was given before changes nothing. What it raises ends the render.
        """


@dataclass(frozen=True, slots=True)
class Setup:
    """What a pipeline is loaded with."""

    plan: Plan
    device: "Device"
    weights: tuple[VerifiedSource, ...] = ()
    """One for each of the profile's sources, in their order."""


class ReferencePipeline(ABC):
    """Renders images of shots from references. One instance serves one thread, job after job."""

    @classmethod
    @abstractmethod
    def load(cls, setup: Setup) -> Self:
        """Load weights onto the device. Raises WeightsRefused for those that can't be trusted."""

    def framed(self, reference: Image.Image, face: FaceBox | None) -> Image.Image:  # noqa: ARG002
        """The part of a reference that `render` is given: all of it, unless a profile wants less. `face` is where
        its largest face is, if that is known."""
        return reference

    @abstractmethod
    def render(
        self,
        references: Sequence[Image.Image],
        appearance: Appearance,
        shots: Sequence[PlannedShot],
        sink: Sink,
        person_seed: int | None = None,
    ) -> None:
        """Renders one image for each shot and gives it to the sink as soon as it is done.

        `references` are 1 to 20 upright RGB images. With a `person_seed` the person is made up, and looks as that
        seed and the appearance determine; then references are earlier images of the same person, and may be empty.
        Raises ProfileNeedsReferences in a profile that can't make people up.

        What `sink` raises (RenderCanceled) ends the render and leaves the pipeline clean for the next job. Raises
        RenderOutOfMemory or DeviceLost when this process can't go on.
        """

    @abstractmethod
    def info(self) -> RenderInfo:
        """Describes what renders here, for the manifest."""

    def memory(self) -> tuple[int, int, int] | None:
        """As `Device.memory`, of the device that this renders on. None: it isn't known."""
        return None

    def warm_up(self) -> None:
        """Renders an image and discards it, so that the first job neither waits nor meets a surprise."""
        grey = Image.new("RGB", (256, 256), (127, 127, 127))
        self.render([grey], Appearance(), [PlannedShot(shot_named("front"), 0)], Discard())


class Discard:
    """A sink that keeps nothing."""

    def step(self, step: Step) -> None: ...

    def image(self, image: RenderedImage) -> None: ...

    def reference(self, note: ReferenceNote) -> None: ...
