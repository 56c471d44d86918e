"""The device: what a pipeline asks of the thing it computes on, and what it does when that fails.

One small seam, so that tests can put a device in its place that runs out of memory at chosen points.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from models.errors import DeviceUnfit

Phase = Literal["encode", "denoise", "decode"]

# What CUDA's libraries say when memory is short and torch's own allocator wasn't asked.
_NO_MEMORY = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")

# What is said when the context is gone and no later call can succeed, besides torch.AcceleratorError.
_LOST = (
    "CUDA error",
    "CUDA driver error",
    "CUBLAS_STATUS",
    "CUDNN_STATUS_EXECUTION_FAILED",
    "Triton Error [CUDA]",
    "unspecified launch failure",
)


class Device:
    """A CPU or one CUDA device. Used by the rendering thread; `beside` by the decoding one."""

    def __init__(self, name: str) -> None:
        """`name` is torch's: `cpu`, `cuda:0`. Raises DeviceUnfit if there is no such device."""
        self.torch = torch.device(name)
        self._on_cuda = self.torch.type == "cuda"
        self._beside: torch.cuda.Stream | None = None
        if self._on_cuda:
            if not torch.cuda.is_available() or (self.torch.index or 0) >= torch.cuda.device_count():
                raise DeviceUnfit(
                    f"This machine has no device {name!r} that torch {torch.__version__} can use. Set "
                    "LIKENESS_DEVICE to one that it has, check the driver with nvidia-smi, or install a CUDA build "
                    "of torch.",
                    device=name,
                )
            torch.cuda.set_device(self.torch)
            self._beside = torch.cuda.Stream(self.torch)  # type: ignore[no-untyped-call]

    def __str__(self) -> str:
        return str(self.torch)

    @property
    def description(self) -> str:
        """For people and manifests, for instance `cuda:0 (NVIDIA H100 80GB HBM3)`."""
        return f"{self} ({torch.cuda.get_device_name(self.torch)})" if self._on_cuda else str(self)

    @property
    def is_accelerator(self) -> bool:
        return self._on_cuda

    def check_fitness(self) -> None:
        """Allocate, multiply, compare with what the CPU gets. Raises DeviceUnfit."""
        a, b = (torch.randn(256, 256, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
        failure = ""
        try:
            product = (a.to(self.torch) @ b.to(self.torch)).cpu()
        except RuntimeError as error:
            failure = f"fails ({str(error)[:300]})"
        else:
            if not torch.allclose(product, a @ b, atol=0.5):
                failure = "multiplies matrices wrongly"
        if failure:
            raise DeviceUnfit(
                f"The device {self} {failure}. Look for hardware errors (nvidia-smi -q, dmesg), and use another.",
                device=str(self),
            )

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Around each piece of work. Names it for profilers."""
        with torch.profiler.record_function(f"likeness.{name}"):
            yield

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Work that may be another thread's: on a stream apart, so that it doesn't queue up behind the denoiser.

        Whoever handed over the tensors has synchronised first.
        """
        if self._beside is None:
            yield
            return
        with torch.cuda.stream(self._beside):
            yield
        self._beside.synchronize()

    def synchronize(self) -> None:
        """Wait until what was queued is computed."""
        if self._on_cuda:
            torch.cuda.current_stream(self.torch).synchronize()

    def is_out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, torch.OutOfMemoryError) or _says(error, _NO_MEMORY)

    def is_lost(self, error: BaseException) -> bool:
        """Whether the context is beyond repair: only a new process gets a new one."""
        if self.is_out_of_memory(error):
            return False
        return isinstance(error, torch.AcceleratorError) or _says(error, _LOST)

    def free(self) -> None:
        """Give back what nothing refers to. Call it outside `except`: an error's traceback holds tensors."""
        gc.collect()
        if self._on_cuda:
            torch.cuda.empty_cache()

    def reset_peak_memory(self) -> None:
        if self._on_cuda:
            torch.cuda.reset_peak_memory_stats(self.torch)

    def peak_memory(self) -> int | None:
        """Most bytes allocated since the last reset; None where the device doesn't count."""
        return torch.cuda.max_memory_allocated(self.torch) if self._on_cuda else None

    def total_memory(self) -> int | None:
        """In bytes; None where the device has no memory of its own."""
        return torch.cuda.get_device_properties(self.torch).total_memory if self._on_cuda else None


def _says(error: BaseException, signs: tuple[str, ...]) -> bool:
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in signs)


def pick_device(setting: str) -> str:
    """The device that the setting (`auto`, `cpu`, `cuda` or `cuda:N`) means on this machine."""
    if setting == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    return "cuda:0" if setting == "cuda" else setting
