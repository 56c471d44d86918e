"""The convolutional code of our own watermark."""

import numpy as np
import pytest

from pipelines.watermark.code import Code
from pipelines.watermark.spread import _CODE

NUMBERS = (0, 1, (1 << 61) - 1, 0x0BADC0FFEE0DDF00)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_word_is_decoded_at_any_scale(number: int) -> None:
    word = _CODE.encode(number)
    assert word.shape == (488,)
    assert set(word.tolist()) <= {1.0, -1.0}
    assert _CODE.decode(np.stack((word, 0.01 * word))) == [number] * 2


def test_noise_three_times_as_strong_as_the_score_that_counts_allows_is_corrected() -> None:
    """At a score of 13 of 22, a third of the values have the wrong sign."""
    draw = np.random.default_rng(1)
    numbers = [int(each) for each in draw.integers(1 << 61, size=40)]
    words = np.stack([_CODE.encode(number) for number in numbers])
    heard = words * 15 / np.sqrt(words.shape[1]) + draw.normal(size=words.shape)
    assert ((heard > 0) != (words > 0)).mean() > 0.2
    assert sum(a == b for a, b in zip(_CODE.decode(heard), numbers, strict=True)) >= 39


def test_numbers_that_differ_in_one_bit_have_words_far_apart() -> None:
    words = np.stack([_CODE.encode(number) for number in (0, *(1 << place for place in range(61)))])
    differences = (words[1:] != words[0]).sum(axis=1)
    assert differences.min() == differences.max(), "the word is a ring: no bit is less protected"
    assert differences.min() >= 30


def test_a_number_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2\*\*4"):
        Code(4, 2, (7, 5)).encode(16)
