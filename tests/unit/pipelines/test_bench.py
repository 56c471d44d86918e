"""The bench measures whole jobs, refuses what is hopeless, and runs everywhere at tiny scale."""

import json
import re
import time
from pathlib import Path

import pytest

from models.errors import DeviceUnfit, InvalidInput
from models.render import RenderOptions
from pipelines import bench
from pipelines.bench import REPEATS, Stopwatch, measure
from pipelines.geometry import Scale
from pipelines.registry import PROFILES
from tests.support.weights.tiny_weights import write_tiny

WITH_RANDOM_WEIGHTS = [name for name, profile in PROFILES.items() if profile.geometry]


def run(profile: str, *, random: bool = True, scale: Scale = "tiny", weights: Path = Path("none")) -> None:
    options = RenderOptions(profile=profile, device="cpu", weights=str(weights))
    bench.run(options, random=random, scale=scale, images=2, references=2)


def test_a_job_is_run_once_to_warm_up_and_then_timed() -> None:
    watch, begun = Stopwatch("cpu"), []

    def job() -> None:
        begun.append(0)
        with watch.phase("encode"):
            time.sleep(0.5 if len(begun) == 1 else 0.002)
        for _ in range(2):
            with watch.phase("denoise"):
                time.sleep(0.004)

    figures = measure(job, watch=watch)
    assert len(begun) == 1 + REPEATS
    assert figures.batches == 2
    assert 0.002 <= figures.phases["encode"] < 0.4
    assert figures.phases["denoise"] >= 0.008
    assert figures.phases["decode"] == 0
    assert figures.job >= 0.01
    assert figures.memory > 0


def test_a_pipeline_without_phases_is_measured_as_a_whole() -> None:
    figures = measure(lambda: None, watch=Stopwatch("cpu"))
    assert (figures.phases, figures.batches) == ({}, None)


def test_a_failed_phase_counts_nothing() -> None:
    watch = Stopwatch("cpu")
    with pytest.raises(ZeroDivisionError), watch.phase("denoise"):
        1 / 0  # noqa: B018
    assert watch.entered["denoise"] == 0


@pytest.mark.parametrize("profile", WITH_RANDOM_WEIGHTS)
def test_random_weights_at_tiny_scale_run_here(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(profile)
    printed = capsys.readouterr().out
    assert re.search(rf"profile +{profile} ", printed)
    for row in (
        "random, tiny scale",
        "64 px",
        "2 of 64 px",
        "time per image",
        "denoise, a job",
        "peak memory",
    ):
        assert row in printed


def test_figures_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    options = RenderOptions(profile="sdxl-ip-adapter", device="cpu", weights="none")
    bench.run(options, random=True, scale="tiny", images=2, references=2, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["profile"], found["side"], found["images"]) == ("sdxl-ip-adapter", 64, 2)
    assert found["secondsPerImage"] > 0
    assert found["phaseSeconds"]["denoise"] > 0
    assert found["peakMemory"] > 1_000_000
    assert found["versions"]["torch"]


def test_real_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tiny("flux2-klein", tmp_path)
    options = RenderOptions(
        profile="flux2-klein",
        device="cpu",
        weights=str(tmp_path),
        image_size=64,
        reference_size=64,
        steps=2,
    )
    bench.run(options, random=False, scale="full", images=2, references=9)
    printed = capsys.readouterr().out
    assert re.search("weights +real", printed)
    assert re.search("references +4 of 64 px", printed)  # the profile takes no more
    assert "denoise, a job" in printed


@pytest.mark.parametrize("profile", WITH_RANDOM_WEIGHTS)
def test_full_scale_on_a_cpu_is_refused_with_advice(profile: str) -> None:
    with pytest.raises(
        DeviceUnfit, match=r"alone take \d+ GB on a GPU, and \d+ GB on a CPU.*--scale tiny"
    ) as caught:
        run(profile, scale="full")
    assert caught.value.code == "DEVICE_UNFIT"


def test_full_scale_on_a_small_gpu_is_refused_before_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    class SmallGpu(Stopwatch):
        is_accelerator = True
        description = "cuda:0 (Small)"

        def total_memory(self) -> int:
            return 8_000_000_000

    monkeypatch.setattr(bench, "Stopwatch", SmallGpu)
    with pytest.raises(DeviceUnfit, match=r"take 16 GB on a GPU, and cuda:0 \(Small\) has 8 GB") as caught:
        run("flux2-klein", scale="full")
    assert caught.value.details["bytes"] == 15_964_117_574


def test_tiny_weights_are_always_random() -> None:
    with pytest.raises(InvalidInput, match="--random"):
        run("flux2-klein", random=False)


def test_shipped_weights_are_measured_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    options = RenderOptions(profile="embedded", device="cpu", steps=1)
    bench.run(options, random=False, scale="full", images=2, references=9)
    printed = capsys.readouterr().out
    assert re.search("weights +real", printed)
    assert re.search("references +8 of 512 px", printed)
    assert re.search("batches a job +1", printed)
    assert "denoise, a job" in printed


def test_a_profile_whose_weights_are_here_has_no_random_ones() -> None:
    with pytest.raises(InvalidInput, match="Leave --random out"):
        run("embedded")
