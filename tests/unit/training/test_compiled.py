"""What training compiles is what the pipeline computes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numba import njit

from pipelines.embedded.carry.style import with_style
from pipelines.embedded.drawing.albedo import GRAIN
from pipelines.embedded.drawing.drawn import draw
from pipelines.embedded.people import noise, paint
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import STYLES
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.head import HAIR_STYLES, NO_HAIR
from pipelines.embedded.people.raster import rasterise
from pipelines.embedded.people.view import sample_view
from training.people import compiled, raster
from training.people.assets import Assets
from training.people.code import Encoder
from training.people.identity import Identity, sample_identity
from training.people.render import render

RNG = np.random.default_rng(0)
BROW = RNG.random((128, 128)).astype(np.float32)
EYE = RNG.random((256, 256, 3)).astype(np.float32)
X, Y, Z = RNG.uniform((-0.2, 5.3, -0.5), (0.9, 8.3, 1.8), (400, 3)).T


@pytest.mark.parametrize("style", [*HAIR_STYLES, NO_HAIR])
def test_both_rasterisers_draw_the_same(assets: Assets, drawer: Drawer, style: str) -> None:
    """Only a pixel whose centre lies on an edge may go to either triangle."""
    for seed in range(10):
        code = with_style(drawer, code_of(assets, drawer, sample_identity(assets, seed)), STYLES.index(style))
        view = sample_view(np.random.default_rng(seed))
        one, other = (
            draw(replace(drawer, rasteriser=which), code, view, 64).picture
            for which in (rasterise, raster.rasterise)
        )
        differs = np.abs(one - other).max(2) > 1e-3
        assert differs.sum() <= 4


@pytest.mark.parametrize("seed", range(6))
def test_what_is_drawn_is_what_is_rendered(assets: Assets, drawer: Drawer, seed: int) -> None:
    """But for what follows from a person's grain, which no code tells. At edges both see four rays a pixel."""
    person = sample_identity(assets, seed)
    bare = person.looks._replace(freckles=0.0, mole=0.0, lines=0.0, beard=0.0, grain=GRAIN)
    person = replace(person, looks=bare)
    view = sample_view(np.random.default_rng(seed))
    rendered = render(assets.head, assets.textures, person, view, size=96) / 255
    drawn = draw(drawer, code_of(assets, drawer, person), view, 96, bare).picture
    off = np.abs(rendered - drawn)
    assert off.mean() < 0.008  # two levels: skin and cloth are uneven by up to 5 and 6 % of their light
    assert np.quantile(off, 0.99) < 0.13  # a shirt's hem is darker, which is not drawn


def test_both_rasterisers_see_the_same_depths() -> None:
    rng = np.random.default_rng(1)
    screen = rng.uniform(-0.2, 1.2, (60, 3)).astype(np.float32)
    triangles = rng.integers(0, 60, (80, 3)).astype(np.int32)
    one, other = rasterise(screen, triangles, 50), raster.rasterise(screen, triangles, 50)
    assert (one.triangle != other.triangle).sum() <= 2
    same = one.triangle == other.triangle
    assert np.allclose(one.depth[same], other.depth[same], atol=1e-6)
    assert np.allclose(one.inside[same], other.inside[same], atol=1e-6)


def code_of(assets: Assets, drawer: Drawer, person: Identity) -> Floats:
    assert isinstance(drawer.coder, Encoder)
    return drawer.coder.encode(assets.head, person)


@njit
def _strands(x, y, z):  # type: ignore[no-untyped-def]
    return compiled.strand_brightness(x, y, z, 0.5, 11)


@njit
def _blush(x, y, z):  # type: ignore[no-untyped-def]
    return compiled.blush(x, y, z, 0.1, 1.2)


@njit
def _around_eyes(x, y, z):  # type: ignore[no-untyped-def]
    return compiled.around_eyes(x, y, z, 0.1, 0.8)


@njit
def _noise(x):  # type: ignore[no-untyped-def]
    return compiled.noise1(x, 7)


@njit
def _brow(x, y, z, looks, brow):  # type: ignore[no-untyped-def]
    return compiled.brow_cover(x, y, z, looks, brow)


@njit
def _cloth(y, outfit):  # type: ignore[no-untyped-def]
    return compiled.cloth_colour(y, outfit)


@njit
def _eye(u, v, eye, iris, looks):  # type: ignore[no-untyped-def]
    return compiled.eye_colour(u, v, eye, iris, looks)


def one_by_one(function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    return np.array([function(*(float(value) for value in values)) for values in zip(*arrays, strict=True)])


def test_one_formula_serves_numbers_and_arrays(assets: Assets) -> None:
    looks = sample_identity(assets, 1).looks
    outfit = sample_view(np.random.default_rng(0)).outfit._replace(striped=1.0)
    brows = paint.brow_cover(X, Y, Z, looks, BROW)
    assert brows.max() > 0.2
    assert np.allclose(one_by_one(lambda x, y, z: _brow(x, y, z, looks, BROW), X, Y, Z), brows, atol=1e-6)
    for one, whole in (
        (_strands, paint.strand_brightness(X, Y, Z, 0.5, 11)),
        (_blush, paint.blush(X, Y, Z, 0.1, 1.2)),
        (_around_eyes, paint.around_eyes(X, Y, Z, 0.1, 0.8)),
    ):
        assert np.ptp(whole) > 0.1
        assert np.allclose(one_by_one(one, X, Y, Z), whole, atol=1e-6)
    assert np.allclose(one_by_one(_noise, Y * 9 - 60), noise.noise1(Y * 9 - 60, 7), atol=1e-6)
    cloth = np.stack(paint.cloth_colour(Y, outfit), 1)
    assert np.allclose(one_by_one(lambda y: _cloth(y, outfit), Y), cloth, atol=1e-6)
    u, v = RNG.uniform(-0.1, 1.1, (2, 400))
    eyes = np.stack(paint.eye_colour(u, v, EYE, EYE[..., 0], looks), 1)
    assert np.allclose(one_by_one(lambda u, v: _eye(u, v, EYE, EYE[..., 0], looks), u, v), eyes, atol=1e-6)
