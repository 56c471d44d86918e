import numpy as np

from pipelines.embedded.people.code import LAYOUT, LOOKS_SIZE, part, read_looks
from pipelines.embedded.people.drawer import Drawer


def test_any_vector_is_some_persons_looks() -> None:
    for seed in range(20):
        looks, _, _ = read_looks(np.random.default_rng(seed).normal(0, 3, LOOKS_SIZE).astype(np.float32))
        assert np.isfinite([value for value in looks if isinstance(value, float)]).all()


def test_the_layout_is_the_trained_networks() -> None:
    """Whoever changes it must train anew."""
    assert LOOKS_SIZE == 56
    places = {name: part(name).start for name in ("skin", "blush", "mole", "hair_style", "brow_style")}
    assert places == {"skin": 6, "blush": 21, "mole": 30, "hair_style": 36, "brow_style": 44}
    assert list(LAYOUT)[:5] == ["ancestry", "sex", "age", "weight", "skin"]


def test_a_code_has_a_name_for_every_number(drawer: Drawer) -> None:
    assert len(drawer.coder.names()) == drawer.coder.size


def test_a_code_splits_into_what_was_joined(drawer: Drawer) -> None:
    rng = np.random.default_rng(1)
    coefficients = rng.normal(0, 1, (3, 30)).astype(np.float32) * drawer.coder.basis.spread
    looks = rng.uniform(0, 1, (3, LOOKS_SIZE)).astype(np.float32)
    code = drawer.coder.join(coefficients, looks)
    bodies, again = drawer.coder.split(code)
    assert np.allclose(drawer.coder.unscaled(code), coefficients, atol=1e-5)
    assert np.allclose(again, looks, atol=1e-5)
    assert np.allclose(bodies, drawer.coder.basis.body(coefficients), atol=1e-5)
