from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.embedded.drawing.drawn import draw
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.packed import unpacked
from pipelines.embedded.people.view import sample_view
from training.data.generate import make_coder
from training.people.assets import Assets
from training.people.basis import FittedBasis
from training.people.code import Encoder
from training.people.files import load_drawer, save_coder, save_head
from training.people.pack import pack_person

SIDES = np.array([-1, 1, 1], np.float32)


@pytest.fixture(scope="module")
def data(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `generate` leaves, but of people who are the same on both sides, as MakeHuman's are."""
    folder = tmp_path_factory.mktemp("data")
    head, coder = assets.head, make_coder(assets, 40)
    twin = np.array([np.square(head.base * SIDES - place).sum(1).argmin() for place in head.base])

    def even(moves: np.ndarray) -> np.ndarray:
        return np.asarray((moves + moves[..., twin, :] * SIDES) / 2, np.float32)

    basis = FittedBasis(
        **{**coder.basis.__dict__, "mean": even(coder.basis.mean), "components": even(coder.basis.components)}
    )
    save_head(replace(head, expressions=even(head.expressions)), assets.textures, folder)
    save_coder(Encoder(basis, coder.looks_mean, coder.looks_spread), folder)
    return folder


def test_a_packed_person_draws_nearly_the_same(data: Path) -> None:
    whole, packed = load_drawer(data), Drawer.of(unpacked(pack_person(data)))
    assert np.allclose(whole.points.mean, packed.points.mean, atol=1e-3)
    assert packed.coder.names() == whole.coder.names()
    codes = np.random.default_rng(0).normal(0, 0.7, (8, whole.coder.size)).astype(np.float32)
    bodies, looks = whole.coder.split(codes)
    again, same_looks = packed.coder.split(codes)
    assert np.array_equal(looks, same_looks)
    assert np.linalg.norm(bodies - again, axis=-1).mean() < 1e-3  # decimetres
    views = [sample_view(np.random.default_rng(seed)) for seed in range(8)]
    drawn = [
        np.stack([draw(each, code, view, 48).picture for code, view in zip(codes, views, strict=True)])
        for each in (whole, packed)
    ]
    assert np.abs(drawn[0] - drawn[1]).mean() < 0.003


def test_of_two_sides_one_is_stored(data: Path, assets: Assets, tmp_path: Path) -> None:
    uneven = tmp_path / "uneven"
    uneven.mkdir()
    save_head(assets.head, assets.textures, uneven)
    save_coder(make_coder(assets, 40), uneven)
    even_arrays, uneven_arrays = pack_person(data), pack_person(uneven)
    sizes = [sum(array.nbytes for array in arrays.values()) for arrays in (even_arrays, uneven_arrays)]
    vertices, components = len(assets.head.base), 39
    assert sizes[1] - sizes[0] > 0.4 * vertices * 3 * components
    drawer = Drawer.of(unpacked(uneven_arrays))
    assert np.allclose(drawer.head.base, assets.head.base, atol=1e-3)
