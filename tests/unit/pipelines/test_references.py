"""References are few, small and of a bearable shape, whatever was uploaded."""

import pytest
from PIL import Image

from pipelines.references import chosen, fitted, squared

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def numbered(count: int) -> list[Image.Image]:
    """References whose width tells which one it is."""
    return [Image.new("RGB", (100 + i, 100)) for i in range(count)]


def in_thirds(width: int, height: int) -> Image.Image:
    """Red, green and blue along the longer side."""
    image = Image.new("RGB", (width, height), GREEN)
    third = (width // 3, height) if width > height else (width, height // 3)
    image.paste(RED, (0, 0, *third))
    image.paste(BLUE, (width - third[0], height - third[1], width, height))
    return image


def shades(image: Image.Image) -> set[object]:
    return {color for _, color in image.getcolors(image.width * image.height) or ()}


@pytest.mark.parametrize(
    ("count", "most", "kept"),
    [(9, 4, [0, 2, 4, 6]), (5, 3, [0, 1, 3]), (4, 4, [0, 1, 2, 3]), (2, 4, [0, 1]), (8, 1, [0])],
)
def test_at_most_so_many_are_kept_evenly_chosen(count: int, most: int, kept: list[int]) -> None:
    assert chosen(count, most) == kept


@pytest.mark.parametrize("size", [(4000, 3000), (1024, 1024), (900, 1800), (3000, 200), (777, 1231)])
@pytest.mark.parametrize(("side", "multiple"), [(512, 16), (224, 32), (1024, 32)])
def test_a_large_one_is_scaled_down_to_the_area(size: tuple[int, int], side: int, multiple: int) -> None:
    small = fitted(Image.new("RGB", size), side, multiple)
    assert small.width * small.height <= side**2
    assert small.width % multiple == small.height % multiple == 0
    assert small.width <= size[0]
    assert small.height <= size[1]
    # As much of the area is used as multiples allow.
    whole = min(side**2, size[0] * size[1], 2 * min(size) ** 2)
    assert small.width * small.height > whole - multiple * (small.width + small.height + multiple)


def test_it_keeps_its_shape() -> None:
    assert fitted(Image.new("RGB", (2000, 1000)), 512, 16).size == (720, 352)
    assert fitted(Image.new("RGB", (1000, 2000)), 512, 16).size == (352, 720)


def test_a_small_one_is_not_enlarged_but_for_sides_that_models_refuse() -> None:
    fits = Image.new("RGB", (160, 96))
    assert fitted(fits, 512, 32) is fits
    assert fitted(Image.new("RGB", (150, 100)), 512, 32).size == (128, 96)
    assert fitted(Image.new("RGB", (20, 30)), 512, 32).size == (64, 64)
    assert fitted(Image.new("RGB", (40, 100)), 512, 16).size == (64, 80)


def test_a_strip_is_cut_to_where_faces_are() -> None:
    wide = fitted(in_thirds(960, 160), 512, 32)
    assert wide.size == (320, 160)
    assert shades(wide) == {GREEN}, "the middle"
    tall = fitted(in_thirds(160, 960), 512, 32)
    assert tall.size == (160, 320)
    assert shades(tall) == {RED, GREEN}, "rather high"


def test_squared_is_as_much_as_fits_from_where_faces_are() -> None:
    wide = squared(in_thirds(900, 300), 224)
    assert wide.size == (224, 224)
    assert wide.getpixel((5, 112)) == wide.getpixel((218, 112)) == GREEN
    tall = squared(in_thirds(300, 600), 224)
    assert tall.size == (224, 224)
    # Cut from 105 to 405 of 600: red ends at 200, blue begins at 400.
    assert [tall.getpixel((112, row)) for row in (0, 60, 90, 200)] == [RED, RED, GREEN, GREEN]


def test_small_ones_are_squared_too() -> None:
    assert squared(Image.new("RGB", (30, 50)), 224).size == (224, 224)
