"""Profiles are found by name without torch, and a failing load says what to do."""

import subprocess
import sys
from dataclasses import replace

import pytest

from models.errors import InvalidInput, ProfileLoadFailed
from pipelines import registry
from pipelines.registry import PROFILES, load_pipeline, pick_device, profile_named


def test_importing_the_registry_costs_no_torch() -> None:
    code = "import sys, pipelines.registry; sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_is_told_what_there_is() -> None:
    with pytest.raises(InvalidInput, match=r"'nope'.*embedded"):
        profile_named("nope")


@pytest.mark.parametrize("name", PROFILES)
def test_the_entry_is_filed_under_its_own_name(name: str) -> None:
    assert profile_named(name).name == name


def test_the_embedded_profile_loads_and_knows_its_name() -> None:
    info = load_pipeline("embedded", "cpu").info()
    assert (info.profile, info.device, info.dtype) == ("embedded", "cpu", "float32")
    assert set(info.versions) == {"torch", "diffusers", "likeness"}


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ProfileLoadFailed, match="LIKENESS_DEVICE") as caught:
        load_pipeline("embedded", "cuda:99")
    assert caught.value.details == {"profile": "embedded", "device": "cuda:99"}


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(PROFILES["embedded"], pipeline="no_such_package:Pipeline")
    monkeypatch.setitem(registry.PROFILES, "embedded", broken)
    with pytest.raises(ProfileLoadFailed, match="pip install"):
        load_pipeline("embedded", "cpu")


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [pick_device(setting) for setting in ("cpu", "cuda", "cuda:3")] == ["cpu", "cuda:0", "cuda:3"]
    for available, device in ((True, "cuda:0"), (False, "cpu")):
        monkeypatch.setattr("torch.cuda.is_available", lambda available=available: available)
        assert pick_device("auto") == device
