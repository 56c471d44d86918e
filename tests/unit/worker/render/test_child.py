"""What a pipeline's sink puts into the pipe."""

from multiprocessing import Pipe
from typing import Any

import pytest
from PIL import Image

from models.influencer import Appearance
from models.likeness import FaceBox
from models.record import NOT_CARRIED
from models.source_type import SourceType
from pipelines.protocol import ReferenceNote, RenderedImage
from worker.base.raw_image import RawImage
from worker.render.child import _serve, _Teller
from worker.render.messages import Finished, ImageDone, ReferenceNoted, RenderOrder


def test_an_image_goes_with_its_type_and_a_note_with_its_reason() -> None:
    ours, theirs = Pipe()
    with ours, theirs:
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
    ours, theirs = Pipe()
    with ours, theirs:
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
    ours, theirs = Pipe()
    with ours, theirs:
        assert isinstance(_serve(pipeline, order, _Teller(theirs, 2, lambda: None)), Finished)
    assert [image.size for image in pipeline.got] == [(3, 4) if faces else (8, 6), (8, 6)]
