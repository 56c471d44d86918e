"""Pictures without a watermark. Those of docs/ may have been made by a worker, which marks what it stores."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from models.influencer import Appearance
from models.render import RenderOptions
from models.shot import DEFAULT_SHOTS, shot_named
from pipelines.loading import load_pipeline
from pipelines.protocol import Discard, PlannedShot, ReferencePipeline, RenderedImage
from worker.stack.samples import SAMPLES, load_sample

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


class _Kept(Discard):
    def __init__(self) -> None:
        self.images: list[Image.Image] = []

    def image(self, image: RenderedImage) -> None:
        self.images.append(image.image)


def references(name: str) -> list[Image.Image]:
    """A sample persona's, 512 pixels."""
    return [Image.open(BytesIO(data)).convert("RGB") for data in load_sample(name)[1]]


def shipped() -> list[Image.Image]:
    """The references of all sample personas."""
    return [picture for name in SAMPLES for picture in references(name)]


def of_folder(folder: Path) -> list[Image.Image]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    return [Image.open(path).convert("RGB") for path in files]


def embedded(side: int) -> ReferencePipeline:
    """The profile `embedded`, for square images of so many pixels a side."""
    return load_pipeline(RenderOptions(profile="embedded", device="cpu", image_size=side, previews=False))


def clones(pipeline: ReferencePipeline, name: str, shots: Sequence[str] = DEFAULT_SHOTS) -> list[Image.Image]:
    """A sample persona's, one for each shot."""
    kept = _Kept()
    planned = [PlannedShot(shot_named(shot), number) for number, shot in enumerate(shots)]
    pipeline.render(references(name), load_sample(name)[0].appearance, planned, kept)
    return kept.images


def rendered(side: int, count: int) -> Iterator[Image.Image]:
    """Clones of the sample personas, then made-up people, two images of each."""
    if not count:
        return
    pipeline, left = embedded(side), count
    for name in SAMPLES:
        shots = DEFAULT_SHOTS[:left]
        if shots:
            yield from clones(pipeline, name, shots)
        left -= len(shots)
    for person in range((left + 1) // 2):
        kept = _Kept()
        names = (DEFAULT_SHOTS[(2 * person + number) % len(DEFAULT_SHOTS)] for number in range(2))
        planned = [PlannedShot(shot_named(name), person) for name in names]
        pipeline.render([], Appearance(), planned, kept, person_seed=person)
        yield from kept.images[: left - 2 * person]
