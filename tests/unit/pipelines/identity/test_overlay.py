"""What is only moved, scaled, mirrored, toned or blurred leaves nothing; what is another picture leaves much."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from pipelines.identity.chips import SIDE, Chip, whole_chip
from pipelines.identity.overlay import Overlay
from tests.support.doubles.colour_faces import patch

LARGE = 8 * SIDE


def scene(seed: int) -> Image.Image:
    """A picture with detail of three sizes."""
    layers = [np.asarray(patch((0, 0, 0), seed, LARGE).convert("L"), dtype=float)]
    rng = np.random.default_rng([seed, 1])
    for side in (8, 20):
        waves = Image.fromarray(rng.normal(0, 40, (side, side)).astype(np.float32))
        layers.append(np.asarray(waves.resize((LARGE, LARGE), Image.Resampling.BICUBIC)))
    return Image.fromarray(np.clip(110 + sum(layers), 0, 255).astype(np.uint8)).convert("RGB")


def chip(image: Image.Image) -> Chip:
    return whole_chip(np.asarray(image.convert("L")))


def difference(one: Image.Image, other: Image.Image, *, face: bool = True, mirror: bool = False) -> float:
    left = Overlay(chip(one), face=face).difference(chip(other), mirror=mirror)
    return 1.0 if left is None else left


def shifted(image: Image.Image) -> Image.Image:
    matrix = (1.12, 0.05, -40, -0.05, 1.12, 12)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        shifted,
        lambda image: image.point(lambda value: 30 + value * 0.7),
        lambda image: image.point(lambda value: 255 * (value / 255) ** 0.8),
        lambda image: image.filter(ImageFilter.GaussianBlur(6)),
        lambda image: image.resize((40, 40)).resize((LARGE, LARGE)),
    ],
    ids=["same", "moved", "flatter", "gamma", "blurred", "tiny"],
)
def test_the_same_pixels_leave_nothing(change: Callable[[Image.Image], Image.Image]) -> None:
    assert difference(change(scene(1)), scene(1)) < 0.01


def test_other_pixels_leave_much() -> None:
    found = [difference(scene(one), scene(other), mirror=True) for one in range(4) for other in range(one)]
    assert min(found) > 0.3


def test_a_mirror_image_is_the_same_only_where_that_is_asked() -> None:
    assert difference(ImageOps.mirror(scene(1)), scene(1), mirror=True) < 0.01
    assert difference(ImageOps.mirror(scene(1)), scene(1)) > 0.3


def test_a_part_that_changed_is_seen() -> None:
    """As a smile changes a face: about a seventh of what counts."""
    changed = scene(1)
    changed.paste(scene(2).crop((160, 320, 352, 420)), (160, 320))
    assert difference(changed, scene(1)) > 0.1


def test_what_is_around_a_face_does_not_count_for_it() -> None:
    framed = scene(2)
    framed.paste(scene(1).crop((130, 120, 390, 480)), (130, 120))
    assert difference(framed, scene(1)) < 0.01
    assert difference(framed, scene(1), face=False) > 0.1


@pytest.mark.parametrize("face", [True, False])
def test_what_has_no_contrast_says_nothing(face: bool) -> None:
    flat = chip(Image.new("RGB", (64, 64), (90, 90, 90)))
    for one, other in ((flat, flat), (flat, chip(scene(1))), (chip(scene(1)), flat)):
        assert Overlay(one, face=face).difference(other, mirror=True) is None
