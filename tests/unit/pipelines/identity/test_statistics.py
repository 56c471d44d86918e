"""Error rates and thresholds against what can be counted by hand."""

import numpy as np
import pytest

from pipelines.identity.statistics import Pairs, compare, comparison, one_to_one


def pairs(genuine: list[float], impostor: list[float]) -> Pairs:
    return Pairs(np.array(genuine), np.array(impostor))


def test_kinds_that_lie_apart_have_no_errors() -> None:
    found = comparison(pairs([0.7, 0.8, 0.9], [0.1, 0.2, 0.3]))
    assert (found.auc, found.eer) == (1, 0)
    assert 0.3 < found.at_fmr_1_percent.similarity <= 0.7
    assert (found.at_fmr_1_percent.false_matches, found.at_fmr_1_percent.false_misses) == (0, 0)


def test_kinds_that_overlap_are_counted() -> None:
    found = comparison(pairs([0.35, 0.6, 0.7, 0.8], [0.1, 0.2, 0.3, 0.4]))
    assert found.auc == pytest.approx(15 / 16)
    assert found.eer == pytest.approx(0.25)
    assert found.at_eer is not None
    assert found.at_eer.false_misses == found.at_eer.false_matches == 0.25


def test_kinds_that_are_the_same_tell_nothing() -> None:
    assert comparison(pairs([0.1, 0.5, 0.5], [0.1, 0.5, 0.5])).auc == 0.5


@pytest.mark.parametrize(
    ("rate", "floor"), [(0.1, "widened"), (0.01, "at_fmr_1_percent"), (0.001, "at_fmr_01_percent")]
)
def test_a_floor_takes_its_share_of_impostors_and_hardly_fewer(rate: float, floor: str) -> None:
    impostor = np.random.default_rng(0).normal(0.2, 0.1, 20_000)
    found = comparison(Pairs(np.array([0.5, 0.9]), impostor))
    matches = getattr(found, floor).false_matches
    assert rate * 0.95 <= matches <= rate + 1e-9


def test_with_few_impostors_a_strict_floor_lies_above_them_all() -> None:
    found = comparison(pairs([0.9], [0.1, 0.2, 0.3]))
    assert found.at_fmr_01_percent.similarity > 0.3


def test_all_pairs_are_taken_once() -> None:
    vectors = np.array([[0, 0], [0, 1], [5, 0]], dtype=np.float32)
    found = one_to_one("euclidean", vectors, ["a", "a", "b"])
    assert found.genuine.tolist() == [0]
    assert sorted(found.impostor.tolist()) == pytest.approx([1 - 26**0.5, -4])


def test_means_of_several_are_compared_as_far_as_there_are_enough() -> None:
    chance = np.random.default_rng(1)
    people = [person for person in "abc" for _ in range(4)]
    vectors = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0) * 2
    vectors += chance.normal(0, 0.2, vectors.shape).astype(np.float32)
    found = compare("euclidean", vectors, people, (1, 3, 4))
    assert [each.references for each in found] == [1, 3]
    one, three = found
    assert three.genuine.quantiles["0.5"] > one.genuine.quantiles["0.5"]
    assert (three.genuine.count, three.impostor.count) == (12 * 8, 12 * 2)
