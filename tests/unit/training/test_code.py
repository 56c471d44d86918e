from pathlib import Path

import numpy as np
import pytest

from pipelines.embedded.people.code import LOOKS_SIZE, read_looks, view_vector
from pipelines.embedded.people.view import sample_view
from training.data.generate import make_coder
from training.people.assets import Assets
from training.people.basis import aligned
from training.people.code import Encoder, looks_vector
from training.people.files import load_coder, save_coder
from training.people.identity import sample_identity


@pytest.fixture(scope="session")
def coder(assets: Assets) -> Encoder:
    return make_coder(assets, 40)


def test_a_code_holds_the_shape(assets: Assets, coder: Encoder) -> None:
    person = sample_identity(assets, 3)
    body, _ = coder.split(coder.encode(assets.head, person))
    truth = aligned(assets.head, person.body)
    away = np.abs(truth - coder.basis.mean).mean()
    assert np.abs(body - truth).mean() < 0.2 * away
    assert coder.basis.explained > 0.95


def test_looks_come_back(assets: Assets) -> None:
    for seed in range(20):
        person = sample_identity(assets, seed)
        looks, hair, brow = read_looks(looks_vector(person))
        assert (hair, brow) == (person.hair, person.brow)
        assert looks.skin == pytest.approx(person.looks.skin, abs=0.01)
        assert looks.beard == pytest.approx(person.looks.beard, abs=1e-5)
        assert looks.mole == person.looks.mole
        if looks.mole:
            assert looks.mole_y == pytest.approx(person.looks.mole_y, abs=1e-5)


def test_any_vector_is_some_persons_looks() -> None:
    for seed in range(20):
        looks, _, _ = read_looks(np.random.default_rng(seed).normal(0, 3, LOOKS_SIZE).astype(np.float32))
        assert np.isfinite([value for value in looks if isinstance(value, float)]).all()


def test_a_code_has_a_name_for_every_number(coder: Encoder) -> None:
    assert len(coder.names()) == coder.size


def test_a_coder_survives_its_files(assets: Assets, coder: Encoder, tmp_path: Path) -> None:
    save_coder(coder, tmp_path)
    person = sample_identity(assets, 4)
    again = load_coder(tmp_path).encode(assets.head, person)
    assert np.allclose(again, coder.encode(assets.head, person))


def test_views_are_told_apart() -> None:
    vectors = np.stack([view_vector(sample_view(np.random.default_rng(seed))) for seed in range(200)])
    assert np.abs(vectors).max() < 6
    assert len(np.unique(vectors.round(4), axis=0)) == 200
