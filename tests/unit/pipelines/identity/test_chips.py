"""Chips show the same part of a face, wherever in a picture and however large it is."""

import numpy as np
import pytest
from PIL import Image

from pipelines.identity.chips import SIDE, face_chip, whole_chip
from tests.support.doubles.colour_faces import patch

EYES = np.array([(180, 200), (320, 200)], dtype=np.float32)


def luma(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"))


def unlike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0])
def test_a_chip_is_the_same_at_any_size(scale: float) -> None:
    image = patch((120, 110, 100), 1, 512)
    side = round(512 * scale)
    scaled = image.resize((side, side), Image.Resampling.LANCZOS)
    one, other = face_chip(luma(image), EYES), face_chip(luma(scaled), EYES * np.float32(scale))
    assert one is not None
    assert other is not None
    assert one.shape == other.shape == (SIDE, SIDE)
    assert unlike(one, other) < 2


def test_a_chip_is_upright_where_the_head_is_tilted() -> None:
    image = patch((120, 110, 100), 2, 512)
    middle, angle = complex(256, 256), np.deg2rad(20)
    turned = image.rotate(-20, Image.Resampling.BICUBIC)  # clockwise, as the places below
    places = (EYES[:, 0] + 1j * EYES[:, 1] - middle) * np.exp(1j * angle) + middle
    eyes = np.stack([places.real, places.imag], 1).astype(np.float32)
    one, other = face_chip(luma(image), EYES), face_chip(luma(turned), eyes)
    assert one is not None
    assert other is not None
    assert unlike(one[16:48, 16:48], other[16:48, 16:48]) < 3


def test_a_face_at_the_edge_has_a_chip_whose_edge_goes_on() -> None:
    chip = face_chip(luma(Image.new("RGB", (100, 100), (50, 50, 50))), EYES)
    assert chip is not None
    assert set(np.unique(chip)) == {50}


def test_eyes_that_are_nearly_one_have_no_chip() -> None:
    assert (
        face_chip(luma(Image.new("RGB", (64, 64))), np.array([(30, 30), (33, 30)], dtype=np.float32)) is None
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (2, 2)])
def test_any_picture_has_chips(size: tuple[int, int]) -> None:
    pixels = luma(Image.new("RGB", size, (9, 9, 9)))
    assert whole_chip(pixels).shape == (SIDE, SIDE)
    assert face_chip(pixels, np.array([(-5, 0), (5, 0)], dtype=np.float32)) is not None
