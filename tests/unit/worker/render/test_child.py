"""What a pipeline's sink puts into the pipe."""

from contextlib import closing
from multiprocessing import Pipe
from typing import Any, cast

import pytest
from PIL import Image

from models.influencer import Appearance
from models.likeness import FaceBox
from models.record import NOT_CARRIED
from models.source_type import SourceType
from pipelines.protocol import Preview, ReferenceNote, ReferencePipeline, RenderedImage, Step
from worker.base.children.pixel_pipe import PixelPipe
from worker.base.raw_image import RawImage
from worker.render import child
from worker.render.child import _Previews, _serve, _Teller
from worker.render.messages import Finished, ImageDone, PreviewMade, ReferenceNoted, RenderOrder, StepDone


def test_an_image_goes_with_its_type_and_a_note_with_its_reason() -> None:
    ours, theirs = (PixelPipe(end) for end in Pipe())
    with closing(ours), closing(theirs):
        teller = _Teller(theirs, 2, lambda: None)
        picture = Image.new("RGB", (2, 2), "teal")
        teller.image(RenderedImage("front", 7, picture, SourceType.COMPOSITE))
        assert ours.recv() == ImageDone("front", 7, RawImage.of(picture), SourceType.COMPOSITE)
        teller.image(RenderedImage("smile", 8, picture))
        assert ours.recv().source_type is SourceType.GENERATED
        teller.reference(ReferenceNote(1, NOT_CARRIED, "x" * 5000))
        assert ours.recv() == ReferenceNoted(1, NOT_CARRIED, "x" * 200)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_note_must_be_about_a_reference_of_the_order(index: int) -> None:
    ours, theirs = (PixelPipe(end) for end in Pipe())
    with closing(ours), closing(theirs):
        with pytest.raises(IndexError, match=f"reference {index} of 2"):
            _Teller(theirs, 2, lambda: None).reference(ReferenceNote(index, NOT_CARRIED, "x"))
        assert not ours.poll()


class Framing:
    """Keeps what it is given to render, each reference framed as wide as its face."""

    def __init__(self) -> None:
        self.got: list[Image.Image] = []

    def framed(self, reference: Image.Image, face: FaceBox | None) -> Image.Image:
        return reference if face is None else reference.crop((face.left, face.top, face.right, face.bottom))

    def render(self, references: list[Image.Image], *_: Any) -> None:
        self.got = references


@pytest.mark.parametrize("faces", [(FaceBox(left=1, top=1, right=4, bottom=5), None), ()])
def test_a_pipeline_gets_references_as_it_frames_them(faces: tuple[FaceBox | None, ...]) -> None:
    picture = RawImage.of(Image.new("RGB", (8, 6), "teal"))
    order = RenderOrder((picture, picture), Appearance(), (), faces=faces)
    pipeline: Any = Framing()
    ours, theirs = (PixelPipe(end) for end in Pipe())
    with closing(ours), closing(theirs):
        assert isinstance(_serve(pipeline, order, _Teller(theirs, 2, lambda: None)), Finished)
    assert [image.size for image in pipeline.got] == [(3, 4) if faces else (8, 6), (8, 6)]


class Clock:
    """Time that a test moves."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def looks(colour: str = "teal") -> Preview:
    return Preview(Image.new("RGB", (4, 2), colour), SourceType.COMPOSITE)


def test_a_shot_has_a_preview_at_its_first_step_and_then_twice_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(child, "time", clock)
    previews = _Previews(wanted=True)
    assert previews.after(Step("front", 1, 9, looks)) == PreviewMade(
        RawImage.of(looks().image), SourceType.COMPOSITE
    )
    assert previews.after(Step("smile", 1, 9, looks))
    clock.now += 0.49
    assert previews.after(Step("front", 2, 9, looks)) is None
    clock.now += 0.02
    assert previews.after(Step("front", 3, 9, looks))
    assert previews.after(Step("smile", 3, 9)) is None, "a profile that has none"


def test_a_preview_that_fails_costs_the_order_its_previews_alone() -> None:
    made: list[str] = []

    def fail() -> Preview:
        made.append("front")
        raise RuntimeError("no kernel image is available")

    ours, theirs = (PixelPipe(end) for end in Pipe())
    with closing(ours), closing(theirs):
        teller = _Teller(theirs, 1, lambda: None, _Previews(wanted=True))
        teller.step(Step("front", 1, 2, fail))
        teller.step(Step("smile", 1, 2, fail))
        assert [ours.recv() for _ in range(2)] == [StepDone("front", 1, 2), StepDone("smile", 1, 2)]
    assert made == ["front"]


def test_no_preview_is_made_where_none_is_wanted() -> None:
    assert _Previews(wanted=False).after(Step("front", 1, 2, lambda: pytest.fail("it is made"))) is None


def test_the_memory_of_a_lost_device_fails_no_order() -> None:
    class Lost:
        def memory(self) -> tuple[int, int, int]:
            raise RuntimeError("CUDA error: unspecified launch failure")

    shared = [24, 20, 16]
    child._note_memory(cast("ReferencePipeline", Lost()), shared)
    assert shared == [24, 20, 16]
