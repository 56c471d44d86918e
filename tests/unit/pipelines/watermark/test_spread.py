"""The watermark by spread spectrum: what it survives, and what it finds in images that have none."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from pipelines.watermark.spread import SpreadSpectrum
from worker.stack.samples import load_sample

NUMBER = 0x0BADC0FFEE0DDF00


@pytest.fixture(scope="module")
def mark() -> SpreadSpectrum:
    return SpreadSpectrum()


@pytest.fixture(scope="module")
def portrait() -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(load_sample("maya")[1][0])).convert("RGB"))


def test_a_number_is_found_again_in_the_same_pixels(
    mark: SpreadSpectrum, portrait: npt.NDArray[np.uint8]
) -> None:
    assert mark.find(mark.embed(portrait, NUMBER)) == NUMBER


def test_an_unmarked_picture_has_no_number(mark: SpreadSpectrum, portrait: npt.NDArray[np.uint8]) -> None:
    assert mark.find(portrait) is None


def test_a_number_with_more_bits_is_refused(mark: SpreadSpectrum, portrait: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="2\\*\\*61"):
        mark.embed(portrait, 1 << 61)
