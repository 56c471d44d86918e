"""Messages on the pipe between a worker and its render process: plain data, pickled."""

from dataclasses import dataclass

from models.influencer import Appearance
from models.likeness import FaceBox
from models.manifest import RenderInfo
from models.shot import Shot
from models.source_type import SourceType
from worker.base.children.spawned import Failed, Ready
from worker.base.raw_image import RawImage


@dataclass(frozen=True, slots=True)
class RenderOrder:
    """To the child: render these shots, each with its seed, from these references.

    `faces` has the box of each reference's face, null where none is known; it may be empty. With a `person_seed`
    the person is invented, and there may be no references.
    """

    references: tuple[RawImage, ...]
    appearance: Appearance
    shots: tuple[tuple[Shot, int], ...]
    person_seed: int | None = None
    faces: tuple[FaceBox | None, ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewMade:
    """A small picture of a shot's image as it was after a step."""

    image: RawImage
    source_type: SourceType = SourceType.GENERATED


@dataclass(frozen=True, slots=True)
class StepDone:
    """From the child: how many denoising steps of a shot are done. Now and then with a preview."""

    shot: str
    step: int
    steps: int
    preview: PreviewMade | None = None


@dataclass(frozen=True, slots=True)
class ImageDone:
    """From the child: a shot's image."""

    shot: str
    seed: int
    image: RawImage
    source_type: SourceType = SourceType.GENERATED


@dataclass(frozen=True, slots=True)
class ReferenceNoted:
    """From the child: one of the order's references conditioned the images less than it could."""

    index: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The child's last message about an order: all shots are done, or it was called off."""


FromChild = Ready[RenderInfo] | StepDone | ImageDone | ReferenceNoted | Finished | Failed
