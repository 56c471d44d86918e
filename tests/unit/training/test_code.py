from pathlib import Path

import numpy as np
import pytest

from pipelines.embedded.people.code import read_looks
from training.data.generate import make_coder
from training.people.assets import Assets
from training.people.basis import aligned
from training.people.code import Encoder, looks_of
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
        looks, hair, brow = read_looks(looks_of(person))
        assert (hair, brow) == (person.hair, person.brow)
        assert looks.skin == pytest.approx(person.looks.skin, abs=0.01)
        assert looks.beard == pytest.approx(person.looks.beard, abs=1e-5)
        assert looks.mole == person.looks.mole
        if looks.mole:
            assert looks.mole_y == pytest.approx(person.looks.mole_y, abs=1e-5)


def test_a_coder_survives_its_files(assets: Assets, coder: Encoder, tmp_path: Path) -> None:
    save_coder(coder, tmp_path)
    person = sample_identity(assets, 4)
    again = load_coder(tmp_path).encode(assets.head, person)
    assert np.allclose(again, coder.encode(assets.head, person))
