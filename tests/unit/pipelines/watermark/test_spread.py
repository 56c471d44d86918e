"""The watermark by spread spectrum: what it survives, and what it finds in images that have none."""

import numpy as np
import pytest
from PIL import Image

from bench.watermark.changes import LOSSLESS, WHOLE, changed
from bench.watermark.quality import psnr
from pipelines.watermark.code import Code
from pipelines.watermark.pattern import make_tile
from pipelines.watermark.planes import Pixels
from pipelines.watermark.spread import SpreadSpectrum, least_score
from tests.unit.pipelines.watermark.conftest import NUMBER

# What bench/RESULTS.md promises at every size.
SURVIVED = (
    (WHOLE, "JPEG 85"),
    (WHOLE, "WebP 80"),
    ("75 %", LOSSLESS),
    ("crop 90 %", LOSSLESS),
    ("crop 90 %, 75 %", LOSSLESS),
    ("75 %, crop 90 %", LOSSLESS),
    ("crop 90 %", "JPEG 85"),
    ("75 %", "JPEG 85"),
    ("75 %", "WebP 80"),
    ("crop 90 %, 75 %", "WebP 80"),
    (WHOLE, "WebP 70"),
)


@pytest.fixture(scope="module")
def mark() -> SpreadSpectrum:
    return SpreadSpectrum()


def of_size(picture: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("size", [(256, 256), (512, 512), (400, 300), (768, 1024)])
def test_a_number_survives(mark: SpreadSpectrum, portrait: Pixels, size: tuple[int, int]) -> None:
    pixels = of_size(portrait, *size)
    marked = mark.embed(pixels, NUMBER)
    assert psnr(pixels, marked) > 40
    assert mark.find(pixels) is None
    image = Image.fromarray(marked)
    lost = [how for how in SURVIVED if mark.find(np.asarray(changed(image, *how))) != NUMBER]
    assert not lost


def test_the_same_pixels_and_number_give_the_same_pixels(mark: SpreadSpectrum, portrait: Pixels) -> None:
    marked = mark.embed(portrait, NUMBER)
    assert (marked == SpreadSpectrum().embed(portrait, NUMBER)).all()
    assert (marked != mark.embed(portrait, NUMBER ^ 1)).any()


def test_flat_ground_stays_nearly_flat(mark: SpreadSpectrum) -> None:
    """The eye sees a grain there first, also not far from an edge."""
    pixels = np.full((256, 256, 3), 90, np.uint8)
    pixels[:, 128:] = 180
    added = np.abs(mark.embed(pixels, NUMBER).astype(int) - pixels)
    assert added[:, :110].max() <= 2
    assert np.sqrt((added[:, :110] ** 2).mean()) < 0.7


def test_the_tile_never_changes() -> None:
    """Images that are out there were marked with it."""
    tile = make_tile(488, b"likeness watermark 1")
    assert len(tile.x) == 284
    assert [int(place) for place in tile.marked[:4]] == [5, 90, 200, 104]
    assert np.angle(tile.phases[:3]) == pytest.approx([1.5282, 1.0983, -0.3597], abs=1e-4)
    assert tile.signs[:8].tolist() == [1, 1, -1, 1, 1, 1, -1, -1]


def test_a_flat_image_is_marked_without_being_read_wrong(mark: SpreadSpectrum) -> None:
    for level in (0, 128, 255):
        flat = np.full((256, 256, 3), level, np.uint8)
        assert mark.find(flat) is None
    assert mark.find(mark.embed(np.full((256, 256, 3), 128, np.uint8), NUMBER)) == NUMBER


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (16, 16384), (2, 2)])
def test_odd_shapes_keep_their_shape_and_have_no_number(mark: SpreadSpectrum, shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    assert mark.find(pixels) is None
    marked = mark.embed(pixels, NUMBER)
    assert marked.shape == pixels.shape
    assert marked.dtype == np.uint8


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((64, 64), np.uint8), np.zeros((64, 64, 4), np.uint8), np.zeros((0, 64, 3), np.uint8)],
    ids=["grey", "alpha", "empty"],
)
def test_other_arrays_are_refused(mark: SpreadSpectrum, pixels: Pixels) -> None:
    with pytest.raises(ValueError, match="not pixels"):
        mark.find(pixels)
    with pytest.raises(ValueError, match="not pixels"):
        mark.embed(pixels, NUMBER)


@pytest.mark.parametrize("number", [1 << 61, -1])
def test_a_number_with_more_bits_is_refused(mark: SpreadSpectrum, portrait: Pixels, number: int) -> None:
    with pytest.raises(ValueError, match=r"2\*\*61"):
        mark.embed(portrait, number)


def test_false_positives_are_not_more_than_their_count() -> None:
    """A short code, for which chance can be counted: the bound is for a draw of the key, whatever the picture."""
    code, values = Code(6, 3, (0o13, 0o15, 0o17, 0o11)), np.random.default_rng(5)
    threshold = least_score(code.bits, tried=1, probability=0.1)
    found, draws = 0, 4_000
    # Values as unequal as a picture's can be: few are loud.
    heard = np.abs(values.standard_cauchy((draws, code.length))) * values.choice(
        [1.0, -1.0], (draws, code.length)
    )
    for row, number in zip(heard, code.decode(heard), strict=True):
        found += code.encode(number) @ row > threshold * np.linalg.norm(row)
    assert found < 0.1 * draws
    # At the full length: 61 bits, twelve candidates, one in a million.
    assert least_score(61) == pytest.approx(10.82, abs=0.01)
