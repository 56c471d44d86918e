"""What training compiles is what the pipeline computes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit

from pipelines.embedded.people import paint
from pipelines.embedded.people.buffers import draw_buffers
from pipelines.embedded.people.head import HAIR_STYLES, NO_HAIR
from pipelines.embedded.people.raster import rasterise
from pipelines.embedded.people.view import sample_view
from training.people import compiled, raster
from training.people.assets import Assets
from training.people.identity import sample_identity

RNG = np.random.default_rng(0)
BROW = RNG.random((128, 128)).astype(np.float32)
EYE = RNG.random((256, 256, 3)).astype(np.float32)
X, Y, Z = RNG.uniform((-0.2, 5.3, -0.5), (0.9, 8.3, 1.8), (400, 3)).T


@pytest.mark.parametrize("style", [*HAIR_STYLES, NO_HAIR])
def test_both_rasterisers_draw_the_same(assets: Assets, style: str) -> None:
    """Only a pixel whose centre lies on an edge may go to either triangle."""
    for seed in range(10):
        person, view = sample_identity(assets, seed), sample_view(np.random.default_rng(seed))
        one, other = (
            draw_buffers(
                assets.head, assets.textures, person.body, person.looks, style, person.brow, view, 64, which
            )
            for which in (rasterise, raster.rasterise)
        )
        differs = np.abs(one - other).max(0) > 1e-3
        assert differs.sum() <= 2


def test_both_rasterisers_see_the_same_depths() -> None:
    rng = np.random.default_rng(1)
    screen = rng.uniform(-0.2, 1.2, (60, 3)).astype(np.float32)
    triangles = rng.integers(0, 60, (80, 3)).astype(np.int32)
    one, other = rasterise(screen, triangles, 50), raster.rasterise(screen, triangles, 50)
    assert (one.triangle != other.triangle).sum() <= 2
    same = one.triangle == other.triangle
    assert np.allclose(one.depth[same], other.depth[same], atol=1e-6)
    assert np.allclose(one.inside[same], other.inside[same], atol=1e-6)


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
    cloth = np.stack(paint.cloth_colour(Y, outfit), 1)
    assert np.allclose(one_by_one(lambda y: _cloth(y, outfit), Y), cloth, atol=1e-6)
    u, v = RNG.uniform(-0.1, 1.1, (2, 400))
    eyes = np.stack(paint.eye_colour(u, v, EYE, EYE[..., 0], looks), 1)
    assert np.allclose(one_by_one(lambda u, v: _eye(u, v, EYE, EYE[..., 0], looks), u, v), eyes, atol=1e-6)
