"""TrustMark's code against words that its own package made, and its nets by a tiny pair with their shapes."""

import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from models.errors import WatermarkModelMissing
from models.watermark import WatermarkOptions
from pipelines.watermark import bch
from pipelines.watermark.loading import load_readers, load_watermark
from pipelines.watermark.planes import Pixels
from pipelines.watermark.trustmark import DECODER, ENCODER, TrustMark
from tests.support.weights.tiny_trustmark import write_fetched, write_pair
from tests.unit.pipelines.watermark.conftest import NUMBER

# By trustmark 0.9.2, DataLayer(100, encoding_mode=1): numbers, and the 96 bits before the version's four.
PUBLISHED = {
    0x0: "0" * 96,
    0x1: "0" * 60 + "101001001111001000011101100010011101",
    0x91A2B3C4D5E6F7: (
        "000001001000110100010101100111100010011010101111001101111011111111111010111110001010010111011101"
    ),
    0x1FFFFFFFFFFFFFFF: (
        "111111111111111111111111111111111111111111111111111111111111111110101010100110100111000010010010"
    ),
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TrustMark:
    folder = tmp_path_factory.mktemp("trustmark")
    write_pair(folder)
    return TrustMark(folder)


@pytest.mark.parametrize("number", PUBLISHED)
def test_words_are_those_of_the_published_package(number: int) -> None:
    assert f"{bch.encode(number):096b}" == PUBLISHED[number]


def test_any_five_wrong_bits_are_corrected_and_seven_are_noticed() -> None:
    draw = random.Random(3)
    wrong_numbers = 0
    for _ in range(300):
        number = draw.getrandbits(61)
        word = bch.encode(number)
        wrong = draw.sample(range(96), 7)
        for count in range(6):
            assert bch.decode(word ^ sum(1 << place for place in wrong[:count])) == number
        found = bch.decode(word ^ sum(1 << place for place in wrong))
        assert found != number
        wrong_numbers += found is not None
    # By the code's own count: 2^-35 times the number of patterns of five or fewer errors in 96 bits, 0.19 %.
    assert wrong_numbers < 10


def test_what_is_marked_is_found(tiny: TrustMark, portrait: Pixels) -> None:
    for shape in ((512, 512), (300, 200), (200, 640), (1024, 768), (128, 128)):
        pixels = np.asarray(Image.fromarray(portrait).resize(shape))
        marked = tiny.embed(pixels, NUMBER)
        assert marked.shape == pixels.shape
        assert tiny.find(marked) == NUMBER, shape
        assert tiny.find(pixels) is None, shape


def test_a_long_image_is_marked_in_its_middle_alone(tiny: TrustMark, portrait: Pixels) -> None:
    long = np.tile(portrait, (1, 3, 1))
    changed = np.flatnonzero((tiny.embed(long, NUMBER) != long).any(axis=(0, 2)))
    assert changed.min() >= 512
    assert changed.max() < 1024


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1)])
def test_sides_of_a_pixel_are_no_error(tiny: TrustMark, shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 99, np.uint8)
    assert tiny.embed(pixels, NUMBER).shape == pixels.shape
    tiny.find(pixels)


def test_what_is_no_picture_or_no_number_is_refused(tiny: TrustMark, portrait: Pixels) -> None:
    with pytest.raises(ValueError, match="not pixels"):
        tiny.find(portrait[:, :, 0])
    with pytest.raises(ValueError, match=r"2\*\*61"):
        tiny.embed(portrait, 1 << 61)


def names(options: WatermarkOptions) -> list[str]:
    readers, trouble = load_readers(options)
    assert trouble is None
    return [one.algorithm for one in readers]


def test_the_fetched_one_marks_and_both_are_read(tmp_path: Path, portrait: Pixels) -> None:
    options = WatermarkOptions(weights=str(tmp_path))
    trustmark, own = (options.model_copy(update={"algorithm": name}) for name in ("trustmark", "spread"))
    assert names(options) == ["org.likeness.spread.1"]
    with pytest.raises(WatermarkModelMissing, match="likeness models fetch watermark"):
        load_watermark(trustmark)
    folder = write_fetched(tmp_path)
    both = ["org.likeness.spread.1", "com.adobe.trustmark.Q"]
    assert names(options) == names(own) == names(trustmark) == both
    assert load_watermark(own).algorithm == "org.likeness.spread.1"
    marked = load_watermark(options).embed(portrait, NUMBER)
    assert [one.find(marked) for one in load_readers(options)[0]] == [None, NUMBER]
    (folder / DECODER).write_bytes(b"other bytes")
    for asked in (options, trustmark):
        with pytest.raises(WatermarkModelMissing, match="the lock says"):
            load_watermark(asked)
    readers, trouble = load_readers(options)
    assert [one.algorithm for one in readers] == ["org.likeness.spread.1"]
    assert trouble
    assert load_watermark(own).algorithm == "org.likeness.spread.1", "it needs no weights"


def test_nets_that_are_not_trustmarks_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path)
    (tmp_path / DECODER).write_bytes((tmp_path / ENCODER).read_bytes())
    with pytest.raises(WatermarkModelMissing, match="aren't TrustMark's"):
        TrustMark(tmp_path)
    (tmp_path / DECODER).write_bytes(b"no net")
    with pytest.raises(WatermarkModelMissing, match=r"decoder_Q\.onnx can't be read"):
        TrustMark(tmp_path)


def test_the_tiny_pair_has_the_published_shapes(tmp_path: Path) -> None:
    write_pair(tmp_path)
    encoder = onnx.load(tmp_path / ENCODER).graph
    shapes = [[each.dim_value for each in one.type.tensor_type.shape.dim] for one in encoder.input]
    assert shapes == [[1, 3, 256, 256], [1, 100]]
