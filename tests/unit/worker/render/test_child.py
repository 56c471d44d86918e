"""What a pipeline's sink puts into the pipe."""

from multiprocessing import Pipe

import pytest
from PIL import Image

from models.record import NOT_CARRIED
from models.source_type import SourceType
from pipelines.protocol import ReferenceNote, RenderedImage
from worker.base.raw_image import RawImage
from worker.render.child import _Teller
from worker.render.messages import ImageDone, ReferenceNoted


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
