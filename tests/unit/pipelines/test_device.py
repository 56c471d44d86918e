"""The device: its fitness, and which errors mean what."""

import pytest
import torch

from models.errors import DeviceUnfit
from pipelines.device import Device, pick_device


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
