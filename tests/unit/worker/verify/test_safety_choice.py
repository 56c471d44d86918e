"""Whether images are looked at: what the profile asks for, unless a setting says otherwise."""

import pytest

from models.safety import SafetyMode
from worker.base.settings import Settings
from worker.verify.options import safety_choice


@pytest.mark.parametrize(
    ("setting", "reads_text", "mode", "why"),
    [
        (None, True, "required", "the profile reads text"),
        (None, None, "required", "the profile reads text"),
        (None, False, "off", "the profile reads no text"),
        ("required", False, "required", "LIKENESS_SAFETY is required"),
        ("off", True, "off", "LIKENESS_SAFETY is off"),
    ],
)
def test_a_setting_decides_and_else_the_profile(
    setting: SafetyMode | None, reads_text: bool | None, mode: SafetyMode, why: str
) -> None:
    choice = safety_choice(Settings(safety=setting), reads_text)
    assert (choice.mode, choice.why) == (mode, why)
