"""Numbers in soft bindings: as they are, and as TrustMark's list entry has them."""

import pytest

from models.watermark import HiddenNumber, WatermarkInfo


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [("org.example.1", "00000000000000ff"), ("com.adobe.trustmark.Q", f"1*{255:061b}")],
)
def test_a_number_is_the_same_after_it_was_bound(algorithm: str, value: str) -> None:
    hidden = HiddenNumber.of(WatermarkInfo(algorithm=algorithm, bits=61), 255)
    assert (hidden.number, hidden.as_bound()) == ("00000000000000ff", value)
    assert HiddenNumber.bound(algorithm, value) == hidden


@pytest.mark.parametrize(
    ("algorithm", "value"), [("../x", "ff"), ("org.example.1", "1*01"), ("", ""), ("a", "g")]
)
def test_what_others_bind_is_no_number(algorithm: str, value: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        HiddenNumber.bound(algorithm, value)
