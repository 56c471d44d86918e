"""What the parent tells its render process, and how long it waits for it."""

import pytest

from worker.base.settings import Settings
from worker.render.options import load_timeout


@pytest.mark.parametrize(
    ("profile", "seconds"),
    [("embedded", 100), ("flux2-klein", 100 + 16e9 / 60e6), ("auto", 100 + 16e9 / 60e6), ("none such", 100)],
)
def test_a_large_profile_has_more_time_to_load(profile: str, seconds: float) -> None:
    assert load_timeout(Settings(profile=profile, load_timeout=100)) == pytest.approx(seconds)


def test_the_largest_is_read_twice_within_it_from_a_slow_disk() -> None:
    settings = Settings(profile="qwen-image-edit")
    assert load_timeout(settings) > 2 * 58e9 / 125e6 + 600
