"""Profiles are found by name without torch, and say what there is to know about them."""

import subprocess
import sys

import pytest

from models.errors import InvalidInput, ProfileLoadFailed
from models.render import RenderOptions, SpeedOptions
from pipelines.profile import Plan
from pipelines.registry import CPU_PROFILE, GPU_PROFILE, PROFILES, profile_named


def test_importing_the_registry_costs_no_torch() -> None:
    code = "import sys, pipelines.registry; sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_is_told_what_there_is() -> None:
    with pytest.raises(InvalidInput, match=r"'nope'.*embedded"):
        profile_named("nope")


@pytest.mark.parametrize("name", PROFILES)
def test_the_entry_is_filed_under_its_own_name_and_complete(name: str) -> None:
    profile = profile_named(name)
    assert profile.name == name
    for source in profile.sources:
        assert source.files
        assert source.licence
        assert source.licence_url.startswith("https://")
        assert source.revision is None or len(source.revision) == 40
        assert profile.memory > 0
    if any(not source.shipped for source in profile.sources):
        assert profile.geometry


def test_a_repository_is_pinned_to_one_commit() -> None:
    revisions: dict[str, set[str | None]] = {}
    for profile in PROFILES.values():
        for source in profile.sources:
            revisions.setdefault(source.repository, set()).add(source.revision)
    assert all(len(pinned) == 1 for pinned in revisions.values())


def test_no_profile_has_weights_that_forbid_commercial_use() -> None:
    licences = {source.licence for profile in PROFILES.values() for source in profile.sources}
    assert licences <= {"Apache-2.0", "CreativeML-OpenRAIL++-M", "CC0-1.0"}


def test_the_defaults_exist() -> None:
    assert {GPU_PROFILE, CPU_PROFILE} <= PROFILES.keys()


def test_options_replace_a_profiles_figures() -> None:
    klein = profile_named("flux2-klein")
    assert Plan.of(klein, RenderOptions(profile="flux2-klein")) == Plan(
        klein, 1024, 4, 512, 4, SpeedOptions()
    )
    chosen = RenderOptions(profile="flux2-klein", image_size=768, steps=6, reference_size=256, max_batch=1)
    assert Plan.of(klein, chosen) == Plan(klein, 768, 6, 256, 1, SpeedOptions())


def test_eight_bits_under_a_lora_are_warned_of() -> None:
    fast = profile_named("qwen-image-edit-lightning")
    asked = RenderOptions(profile=fast.name, speed=SpeedOptions(quantize="fp8"))
    assert ["grid" in warning for warning in Plan.of(fast, asked).warnings] == [True]
    assert Plan.of(fast, RenderOptions(profile=fast.name)).warnings == ()


def test_a_profile_may_keep_its_weights_in_eight_bits_by_itself() -> None:
    small = profile_named("flux2-klein-small")
    assert Plan.of(small, RenderOptions(profile=small.name)).speed.quantize == "fp8"


def test_a_batch_is_never_larger_than_the_profile_can() -> None:
    qwen = profile_named("qwen-image-edit")
    assert Plan.of(qwen, RenderOptions(profile="qwen-image-edit", max_batch=4)).max_batch == 1


def test_a_profile_takes_sizes_that_its_network_can_divide_and_no_other() -> None:
    embedded = profile_named("embedded")
    for size in (64, 256, 512, 768):
        assert Plan.of(embedded, RenderOptions(profile="embedded", image_size=size)).size == size
    with pytest.raises(ProfileLoadFailed, match=r"multiple of 16 pixels.*500.*LIKENESS_IMAGE_SIZE"):
        Plan.of(embedded, RenderOptions(profile="embedded", image_size=500))


@pytest.mark.parametrize("other", [SpeedOptions(quantize="fp8"), SpeedOptions(step_cache="first-block")])
def test_compiling_does_not_go_together_with_hooks(other: SpeedOptions) -> None:
    speed = other.model_copy(update={"compile": True})
    with pytest.raises(ProfileLoadFailed, match="LIKENESS_COMPILE"):
        Plan.of(profile_named("qwen-image-edit"), RenderOptions(profile="qwen-image-edit", speed=speed))


@pytest.mark.parametrize(
    ("profile", "speed"),
    [
        ("flux2-klein", SpeedOptions(step_cache="first-block")),
        ("qwen-image-edit-lightning", SpeedOptions(step_cache="first-block")),
        ("flux2-klein", SpeedOptions(channels_last=True)),
        ("embedded", SpeedOptions(compile=True)),
    ],
)
def test_a_speed_option_that_the_profile_does_not_have_is_refused(profile: str, speed: SpeedOptions) -> None:
    with pytest.raises(ProfileLoadFailed, match="has no speed option"):
        Plan.of(profile_named(profile), RenderOptions(profile=profile, speed=speed))
