"""The correction of fits: what errs alike in all of them is put right, and what doesn't stays."""

import numpy as np

from pipelines.embedded.correction import Correction
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.packed import SCALE
from training.correction import regression
from training.package import packed_correction

PEOPLE, SIZE = 4000, 6


def shapes(seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(PEOPLE, SIZE))


def off(correction: Correction, fits: Floats, true: Floats) -> float:
    return float(np.square(np.stack([correction.of(fit) for fit in fits]) - true).mean())


def test_what_fits_have_in_common_is_put_right() -> None:
    """They shrink every shape, mix two of its numbers, and lie to one side."""
    mixed = 0.5 * np.eye(SIZE)
    mixed[0, 1] = 0.4

    def fits_of(true: Floats, seed: int) -> Floats:
        return true @ mixed + 0.3 + np.random.default_rng(seed).normal(0, 0.1, true.shape)

    correction = regression(fits_of(shapes(0), 10), shapes(0))
    seen, true = fits_of(shapes(1), 11)[:300], shapes(1)[:300]
    assert off(correction, seen, true) < 0.2 * np.square(seen - true).mean()


def test_a_fit_without_fault_stays() -> None:
    correction = regression(shapes(0), shapes(0))
    assert np.abs(correction.of(shapes(1)[0]) - shapes(1)[0]).max() < 0.1


def test_a_fit_that_tells_nothing_is_taken_for_the_average_person() -> None:
    correction = regression(shapes(5), shapes(0) + 2)
    assert np.abs(correction.of(shapes(6)[0]) - 2).max() < 0.3


def test_packed_it_is_nearly_as_exact() -> None:
    correction = regression(shapes(0) @ np.diag(np.linspace(0.3, 3, SIZE)), shapes(0))
    packed = packed_correction(correction)
    slopes = packed["correction.slopes"] * packed["correction.slopes" + SCALE]
    assert packed["correction.slopes"].dtype == np.int8
    assert np.abs(slopes - correction.slopes).max() < 0.005 * np.abs(correction.slopes).max()
