"""The hash stays for copies, and differs for different pictures."""

from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image, ImageEnhance, ImageOps

from pipelines.identity.picture_hash import bits_apart, picture_hashes
from tests.support.pictures.samples import Sample


def as_jpeg(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=60)
    return Image.open(file)


@pytest.mark.parametrize(
    "change",
    [
        as_jpeg,
        lambda image: image.resize((200, 220)),
        lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    ],
    ids=["jpeg", "resized", "brighter"],
)
def test_a_copy_keeps_its_hash(change: Callable[[Image.Image], Image.Image], sample: Sample) -> None:
    original = sample("maya", 1)
    bits, mirrored = bits_apart(picture_hashes(change(original)), picture_hashes(original))
    assert bits <= 4
    assert not mirrored


def test_a_mirrored_copy_is_found_and_named_so(sample: Sample) -> None:
    original = sample("maya", 1)
    assert bits_apart(picture_hashes(as_jpeg(ImageOps.mirror(original))), picture_hashes(original))[1]
    assert bits_apart(picture_hashes(ImageOps.mirror(original)), picture_hashes(original))[0] <= 2


def test_different_pictures_of_one_person_differ(sample: Sample) -> None:
    hashes = [picture_hashes(sample("jonas", number)) for number in range(6)]
    apart = [bits_apart(one, other)[0] for index, one in enumerate(hashes) for other in hashes[:index]]
    assert min(apart) >= 10


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1)])
def test_any_size_has_a_hash(size: tuple[int, int]) -> None:
    assert picture_hashes(Image.new("RGB", size)).shape == (2, 64)
