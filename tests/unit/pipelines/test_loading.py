"""A load checks device and weights, ends with a warm-up image, and says what to do when it fails."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import DeviceUnfit, ProfileLoadFailed, RenderOutOfMemory, WeightsMissing
from models.render import RenderOptions
from pipelines import registry
from pipelines.embedded.profile import Embedded
from pipelines.loading import chosen_profile, load_pipeline
from pipelines.registry import PROFILES

EMBEDDED = RenderOptions(profile="embedded", device="cpu", steps=1)


def test_the_embedded_profile_loads_and_knows_its_name() -> None:
    info = load_pipeline(EMBEDDED).info()
    assert (info.profile, info.device, info.dtype) == ("embedded", "cpu", "float32")
    assert set(info.versions) == {"torch", "diffusers", "transformers", "likeness"}


def test_shipped_weights_are_found_wherever_others_are(tmp_path: Path) -> None:
    info = load_pipeline(EMBEDDED.model_copy(update={"weights": str(tmp_path / "none")})).info()
    assert [used.repository for used in info.weights] == ["likeness/embedded"]


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(DeviceUnfit, match="LIKENESS_DEVICE") as caught:
        load_pipeline(EMBEDDED.model_copy(update={"device": "cuda:99"}))
    assert caught.value.details == {"device": "cuda:99"}


def test_a_device_name_that_means_nothing() -> None:
    with pytest.raises(ProfileLoadFailed, match="LIKENESS_DEVICE"):
        load_pipeline(EMBEDDED.model_copy(update={"device": "abacus"}))


def test_a_device_is_checked_before_the_weights_are_read(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnfit):
        load_pipeline(RenderOptions(profile="flux2-klein", device="cuda:99", weights=str(tmp_path)))


def test_weights_that_were_never_fetched(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="likeness models fetch flux2-klein"):
        load_pipeline(RenderOptions(profile="flux2-klein", device="cpu", weights=str(tmp_path)))


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(PROFILES["embedded"], pipeline="no_such_package:Pipeline")
    monkeypatch.setitem(registry.PROFILES, "embedded", broken)
    with pytest.raises(ProfileLoadFailed, match="pip install"):
        load_pipeline(EMBEDDED)


def test_auto_where_torch_is_missing() -> None:
    # `None` in sys.modules makes every import of it fail.
    code = """
import sys
sys.modules["torch"] = None
from models.errors import ProfileLoadFailed
from models.render import RenderOptions
from pipelines.loading import load_pipeline
try:
    load_pipeline(RenderOptions(profile="auto"))
except ProfileLoadFailed as error:
    sys.exit(0 if "pip install" in error.message else error.message)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_profile_that_can_not_render_its_warm_up_image_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def too_large(*_: object) -> None:
        raise RenderOutOfMemory("The device ran out of memory.")

    monkeypatch.setattr(Embedded, "render", too_large)
    with pytest.raises(ProfileLoadFailed, match="warm-up image"):
        load_pipeline(EMBEDDED)


def test_what_auto_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    def chosen(device: str) -> str:
        return chosen_profile(RenderOptions(profile="auto", device=device)).name

    assert [chosen(device) for device in ("auto", "cpu", "cuda:1")] == ["embedded", "embedded", "flux2-klein"]
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert chosen("auto") == "flux2-klein"
