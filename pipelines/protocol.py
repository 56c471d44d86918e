"""The seam between the render process and a pipeline profile."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from PIL import Image

from models.influencer import Appearance
from models.manifest import RenderInfo
from models.shot import Shot


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
    """A finished image: RGB."""

    shot: str
    seed: int
    image: Image.Image


class RenderCanceled(Exception):
    """Raised by the step callback to stop the device; the pipeline lets it pass and stays usable."""


OnStep = Callable[[Step], None]


class ReferencePipeline(ABC):
    """References and shots in, images out. One instance serves one thread, job after job."""

    profile: ClassVar[str]
    """The name under which the registry knows it."""

    @classmethod
    @abstractmethod
    def load(cls, device: str) -> Self:
        """Load weights on `device` (`cpu`, `cuda:0`). Raises ProfileLoadFailed."""

    @abstractmethod
    def render(
        self,
        references: Sequence[Image.Image],
        appearance: Appearance,
        shots: Sequence[PlannedShot],
        on_step: OnStep,
    ) -> Iterator[RenderedImage]:
        """Render one image for each shot, yielding it as soon as it is done.

        `references` are RGB, upright, 1 to 20 of them. `on_step` is called after each denoising step; what
        it raises (RenderCanceled) ends the render and leaves the pipeline clean for the next job.
        """

    @abstractmethod
    def info(self) -> RenderInfo:
        """What renders here, for the manifest."""
