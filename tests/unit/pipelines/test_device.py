"""The device: its fitness, and which errors mean what."""

from pathlib import Path

import pytest
import torch

from models.errors import DeviceUnfit
from models.render import RenderOptions
from pipelines.device import Device, pick_device, refuse_slow_cpu
from pipelines.loading import chosen_profile
from pipelines.registry import profile_named


def test_a_cpu_is_fit() -> None:
    device = Device("cpu")
    device.check_fitness()
    assert (str(device), device.description, device.is_accelerator) == ("cpu", "cpu", False)


def test_a_device_that_multiplies_wrongly_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = torch.Tensor.to
    # As if a value were lost on the way to the device.
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *args: moved(tensor, *args) * 1.5)
    with pytest.raises(DeviceUnfit, match="wrongly"):
        Device("cpu").check_fitness()


def test_a_device_that_can_not_allocate_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.Tensor, "to", full)
    with pytest.raises(DeviceUnfit, match="out of memory"):
        Device("cpu").check_fitness()


def test_errors_are_told_apart() -> None:
    device = Device("cpu")
    memory = torch.OutOfMemoryError("CUDA out of memory")
    lost = torch.AcceleratorError("CUDA error: device-side assert triggered")
    other = RuntimeError("shapes differ")
    assert [device.is_out_of_memory(error) for error in (memory, lost, other)] == [True, False, False]
    assert [device.is_lost(error) for error in (memory, lost, other)] == [False, True, False]


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.AcceleratorError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA driver error: an illegal memory access was encountered"), False),
        (RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered"), False),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), False),
    ],
)
def test_what_cudas_libraries_say_is_understood(error: RuntimeError, is_memory: bool) -> None:
    device = Device("cpu")
    assert (device.is_out_of_memory(error), device.is_lost(error)) == (is_memory, not is_memory)


def test_settings_name_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [pick_device(setting) for setting in ("cpu", "cuda", "cuda:3")] == ["cpu", "cuda:0", "cuda:3"]
    for available, device in ((True, "cuda:0"), (False, "cpu")):
        monkeypatch.setattr("torch.cuda.is_available", lambda available=available: available)
        assert pick_device("auto") == device


@pytest.mark.parametrize("name", ["mps", "xpu"])
def test_other_makers_devices_are_refused_by_name(name: str) -> None:
    with pytest.raises(DeviceUnfit, match=f"not on '{name}'"):
        Device(name)


def test_an_old_card_is_refused_and_one_without_bfloat16_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.set_device", lambda _: None)
    monkeypatch.setattr("torch.cuda.Stream", lambda _: None)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda _: "Card")
    capability = (6, 1)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _: capability)
    with pytest.raises(DeviceUnfit, match=r"capability 6\.1, and 7\.5"):
        Device("cuda:0")
    capability = (7, 5)
    assert Device("cuda:0").description == "cuda:0 (Card, no bfloat16)"
    capability = (9, 0)
    assert Device("cuda:0").description == "cuda:0 (Card)"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_fitness_is_checked_in_the_profiles_type(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    attend = torch.nn.functional.scaled_dot_product_attention

    def watched(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        seen.append(query.dtype)
        return attend(query, key, value)

    monkeypatch.setattr("torch.nn.functional.scaled_dot_product_attention", watched)
    Device("cpu").check_fitness(dtype)
    assert seen == [dtype, torch.float32]


def test_attention_that_is_wrong_makes_a_device_unfit(monkeypatch: pytest.MonkeyPatch) -> None:
    attend = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        "torch.nn.functional.scaled_dot_product_attention",
        lambda query, *rest: attend(query, *rest) * (1 if query.dtype == torch.float32 else 3),
    )
    with pytest.raises(DeviceUnfit, match="attention wrongly"):
        Device("cpu").check_fitness(torch.bfloat16)


class TestNoSilentCpu:
    @pytest.fixture(autouse=True)
    def machine(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """Without a usable GPU; what it has of NVIDIA's is in the folder."""
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        monkeypatch.setattr("torch.version.cuda", None)
        monkeypatch.setattr("pipelines.device._DEVICES", tmp_path)
        monkeypatch.setattr("pipelines.device._DRIVER", tmp_path / "version")
        return tmp_path

    def test_auto_means_the_cpu_where_there_is_nothing_else(self) -> None:
        assert chosen_profile(RenderOptions(profile="auto", device="auto")).name == "embedded"

    @pytest.mark.parametrize("sign", ["files", "build"])
    def test_auto_is_refused_where_a_gpu_hides(
        self, sign: str, machine: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (machine / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat\n")
        if sign == "files":
            (machine / "nvidia0").touch()
        else:
            monkeypatch.setattr("torch.version.cuda", "13.0")
        with pytest.raises(DeviceUnfit, match=r"driver is 535\.104\.05.*LIKENESS_DEVICE=cpu"):
            chosen_profile(RenderOptions(profile="auto", device="auto"))
        assert chosen_profile(RenderOptions(profile="auto", device="cpu")).name == "embedded"
        assert chosen_profile(RenderOptions(profile="embedded", device="auto")).name == "embedded"

    def test_a_profile_for_gpus_renders_on_a_cpu_only_if_that_is_said(self) -> None:
        with pytest.raises(DeviceUnfit, match=r"minutes a step on a CPU.*driver isn't loaded"):
            refuse_slow_cpu(profile_named("flux2-klein"), "auto")
        refuse_slow_cpu(profile_named("flux2-klein"), "cpu")
        refuse_slow_cpu(profile_named("embedded"), "auto")
