"""The thread that keeps previews."""

import threading
import time
from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from models.errors import QueueUnavailable
from models.source_type import SourceType
from worker.base.pictures import preview_of
from worker.base.raw_image import RawImage
from worker.queue.jobs.previews import MOST_BYTES
from worker.render.messages import PreviewMade
from worker.render.previews import PreviewWriter


class Shelf:
    """A store that can be closed for a while, and that can fail."""

    most_bytes = MOST_BYTES

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self.puts = 0
        self.calls = 0
        self.is_open = threading.Event()
        self.is_open.set()
        self.fails = False

    def put(self, job_id: str, shot: str, webp: bytes) -> None:
        self._begin()
        self.puts += 1
        self.kept[job_id, shot] = webp

    def delete(self, job_id: str, shots: Sequence[str]) -> None:
        self._begin()
        for shot in shots:
            self.kept.pop((job_id, shot), None)

    def _begin(self) -> None:
        self.calls += 1
        assert self.is_open.wait(10)
        if self.fails:
            raise QueueUnavailable("Redis is full.")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def writer(shelf: Shelf) -> Iterator[PreviewWriter]:
    writer = PreviewWriter(shelf)
    writer.start()
    yield writer
    writer.stop()


def flat(colour: str, source_type: SourceType = SourceType.GENERATED) -> PreviewMade:
    return PreviewMade(RawImage.of(Image.new("RGB", (16, 16), colour)), source_type)


def until_idle(shelf: Shelf, calls: int) -> None:
    deadline = time.monotonic() + 10
    while shelf.calls < calls:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def colour_of(webp: bytes) -> tuple[int, ...]:
    pixel = Image.open(BytesIO(webp)).convert("RGB").getpixel((8, 8))
    assert isinstance(pixel, tuple)
    return pixel


def test_the_latest_preview_of_each_shot_is_kept(writer: PreviewWriter, shelf: Shelf) -> None:
    shelf.is_open.clear()
    writer.show("job_1", "front", flat("red"))
    until_idle(shelf, 1)
    # Meanwhile, others come.
    for colour in ("green", "white", "blue"):
        writer.show("job_1", "smile", flat(colour))
    writer.show("job_2", "smile", flat("red"))
    shelf.is_open.set()
    until_idle(shelf, 3)
    assert sorted(shelf.kept) == [("job_1", "front"), ("job_1", "smile"), ("job_2", "smile")]
    assert colour_of(shelf.kept["job_1", "smile"])[2] > 200
    assert shelf.puts == 3


def test_a_coarse_preview_shows_no_details(writer: PreviewWriter, shelf: Shelf) -> None:
    picture = Image.radial_gradient("L").convert("RGB").resize((128, 96))
    for shot, coarse in (("front", True), ("smile", False)):
        writer.show("job_1", shot, PreviewMade(RawImage.of(picture), SourceType.GENERATED), coarse=coarse)
    until_idle(shelf, 2)
    sizes = {shot: Image.open(BytesIO(webp)).size for (_, shot), webp in shelf.kept.items()}
    assert sizes == {"front": (16, 12), "smile": (128, 96)}


def test_what_is_forgotten_does_not_come_back(writer: PreviewWriter, shelf: Shelf) -> None:
    shelf.is_open.clear()
    writer.show("job_1", "front", flat("red"))
    until_idle(shelf, 1)
    writer.show("job_1", "smile", flat("red"))
    writer.show("job_2", "front", flat("red"))
    writer.forget("job_1", ["front", "smile"])
    shelf.is_open.set()
    until_idle(shelf, 3)
    writer.show("job_3", "front", flat("red"))
    until_idle(shelf, 4)
    assert sorted(shelf.kept) == [("job_2", "front"), ("job_3", "front")]


def test_one_shot_is_forgotten_even_if_the_queue_is_full(writer: PreviewWriter, shelf: Shelf) -> None:
    shelf.is_open.clear()
    writer.show("job_1", "front", flat("red"))
    until_idle(shelf, 1)
    for number in range(100):
        writer.show(f"job_{number}", "smile", flat("red"))
    writer.forget("job_1", ["front"])
    writer.forget("job_1", ["smile"])
    shelf.is_open.set()
    until_idle(shelf, 1 + 64 + 1)
    assert ("job_1", "front") not in shelf.kept
    assert ("job_1", "smile") not in shelf.kept
    assert ("job_2", "smile") in shelf.kept


def test_a_store_that_fails_or_hangs_costs_nobody_anything(writer: PreviewWriter, shelf: Shelf) -> None:
    shelf.fails = True
    writer.show("job_1", "front", flat("red"))
    until_idle(shelf, 1)
    writer.forget("job_1", ["front"])
    until_idle(shelf, 2)
    shelf.is_open.clear()
    shelf.fails = False
    began = time.monotonic()
    for number in range(1000):
        writer.show(f"job_{number}", "front", flat("red"))
    assert time.monotonic() - began < 1
    assert len(writer._work) <= 64
    shelf.is_open.set()
    until_idle(shelf, 60)
    assert ("job_0", "front") in shelf.kept


@pytest.mark.parametrize("source_type", SourceType)
def test_a_preview_is_small_and_says_what_made_it(source_type: SourceType) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    webp = preview_of(Image.fromarray(noise), source_type, MOST_BYTES)
    assert webp is not None
    assert len(webp) <= MOST_BYTES
    with Image.open(BytesIO(webp)) as image:
        assert (image.format, image.size) == ("WEBP", (128, 128))
        assert source_type.value.encode() in image.info["xmp"]
    assert preview_of(Image.fromarray(noise), source_type, 500) is None
