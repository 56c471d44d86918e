"""The device that a pipeline computes on, and how its failures are recognised.

It is one small class, so that tests can substitute a device that runs out of memory at chosen points.
"""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch

from models.errors import DeviceUnfit
from models.render import Attention
from pipelines.profile import Profile

Phase = Literal["encode", "denoise", "decode"]

_LEAST_CAPABILITY, _BFLOAT16 = (7, 5), (8, 0)
_DEVICES, _DRIVER = Path("/dev"), Path("/proc/driver/nvidia/version")

# Messages of CUDA's libraries when memory runs out and torch's own allocator wasn't involved.
_NO_MEMORY = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")

# Messages that mean, like torch.AcceleratorError, that the context is lost and no later call can succeed.
_LOST = (
    "CUDA error",
    "CUDA driver error",
    "CUBLAS_STATUS",
    "CUDNN_STATUS_EXECUTION_FAILED",
    "Triton Error [CUDA]",
    "unspecified launch failure",
)


class Device:
    """A CPU or one CUDA device. The rendering thread uses it; the decoding thread uses `beside`."""

    def __init__(self, name: str) -> None:
        """`name` is torch's: `cpu`, `cuda:0`. Raises DeviceUnfit if there is no such device."""
        self.torch = torch.device(name)
        self._on_cuda = self.torch.type == "cuda"
        if self.torch.type not in ("cpu", "cuda"):
            raise DeviceUnfit(
                f"Likeness renders on NVIDIA's cards (cuda) and on a CPU, and not on {self.torch.type!r}. Set "
                "LIKENESS_DEVICE=cpu, or to a CUDA device.",
                device=name,
            )
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
            self._refuse_old_card()
            self._beside = torch.cuda.Stream(self.torch)  # type: ignore[no-untyped-call]

    def __str__(self) -> str:
        return str(self.torch)

    def _refuse_old_card(self) -> None:
        capability = torch.cuda.get_device_capability(self.torch)
        if capability < _LEAST_CAPABILITY:
            raise DeviceUnfit(
                f"{torch.cuda.get_device_name(self.torch)} has compute capability "
                f"{'.'.join(map(str, capability))}, and {'.'.join(map(str, _LEAST_CAPABILITY))} (Turing) is the "
                "least. Use a newer card.",
                device=str(self),
            )

    @property
    def description(self) -> str:
        """The device's name for people and manifests, for instance `cuda:0 (NVIDIA H100 80GB HBM3)`. It says if a
        card has no bfloat16 in its hardware."""
        if not self._on_cuda:
            return str(self)
        lacks = "" if torch.cuda.get_device_capability(self.torch) >= _BFLOAT16 else ", no bfloat16"
        return f"{self} ({torch.cuda.get_device_name(self.torch)}{lacks})"

    @property
    def is_accelerator(self) -> bool:
        return self._on_cuda

    @property
    def attention(self) -> Attention | None:
        """The attention backend to use here where none is asked for; None leaves it to diffusers.

        Others measured cuDNN's as 1.7 to 2.3 times as fast as flash attention on compute capability 9.0, 1.2 to 2
        times on 10.0, and as slower or the same elsewhere.
        """
        if self._on_cuda and torch.cuda.get_device_capability(self.torch) in {(9, 0), (10, 0)}:
            return "_native_cudnn"
        return None

    def computes_in(self, profile: Profile) -> torch.dtype:
        """The type of the profile's weights here: on a CPU it is always float32."""
        dtype: torch.dtype = getattr(torch, profile.dtype if self._on_cuda else "float32")
        return dtype

    def check_fitness(self, dtype: torch.dtype = torch.float32) -> None:
        """Checks that the device computes correctly: allocates, multiplies and attends in `dtype`, and compares the
        results with the CPU's. Raises DeviceUnfit."""
        a, b, c = (torch.randn(256, 256, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2, 3))
        failure = ""
        try:
            x, y, z = (one.to(self.torch).to(dtype) for one in (a, b, c))
            product = (x @ y).cpu().float()
            attended = _attend(x, y, z).cpu().float()
        except RuntimeError as error:
            failure = f"fails ({str(error)[:300]})"
        else:
            # Half of the types' digits, for values that are sums of 256 products.
            if not torch.allclose(product, a @ b, atol=0.5, rtol=0.05):
                failure = "multiplies matrices wrongly"
            elif not torch.allclose(attended, _attend(a, b, c), atol=0.1, rtol=0.05):
                failure = "computes attention wrongly"
        if failure:
            raise DeviceUnfit(
                f"The device {self} {failure}. Look for hardware errors (nvidia-smi -q, dmesg), and use another.",
                device=str(self),
            )

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Wraps each piece of work, and names it for profilers."""
        with torch.profiler.record_function(f"likeness.{name}"):
            yield

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Runs work that may be another thread's on a separate stream, so that it doesn't queue behind the
        denoiser.

        The thread that hands over the tensors must synchronise first.
        """
        if self._beside is None:
            yield
            return
        with torch.cuda.stream(self._beside):
            yield
        self._beside.synchronize()

    def synchronize(self) -> None:
        """Waits until the queued work is done."""
        if self._on_cuda:
            torch.cuda.current_stream(self.torch).synchronize()

    def is_out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, torch.OutOfMemoryError) or _says(error, _NO_MEMORY)

    def is_lost(self, error: BaseException) -> bool:
        """Whether the error means that the context is beyond repair: only a new process gets a new one."""
        if self.is_out_of_memory(error):
            return False
        return isinstance(error, torch.AcceleratorError) or _says(error, _LOST)

    def free(self) -> None:
        """Frees memory that nothing refers to. Call it outside `except`: an error's traceback holds tensors."""
        gc.collect()
        if self._on_cuda:
            torch.cuda.empty_cache()

    def reset_peak_memory(self) -> None:
        if self._on_cuda:
            torch.cuda.reset_peak_memory_stats(self.torch)

    def peak_memory(self) -> int | None:
        """Most bytes allocated since the last reset; None where the device doesn't count."""
        return torch.cuda.max_memory_allocated(self.torch) if self._on_cuda else None

    def memory(self) -> tuple[int, int, int] | None:
        """The device's memory in bytes: all of it, what all processes use, and the peak since the last reset. None
        where it has none of its own."""
        if not self._on_cuda:
            return None
        free, total = torch.cuda.mem_get_info(self.torch)
        return total, total - free, torch.cuda.max_memory_allocated(self.torch)

    def total_memory(self) -> int | None:
        """The device's memory in bytes; None where it has none of its own."""
        return torch.cuda.get_device_properties(self.torch).total_memory if self._on_cuda else None


def _says(error: BaseException, signs: tuple[str, ...]) -> bool:
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in signs)


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Attention with 8 heads of 32 channels."""
    q, k, v = (one.view(1, 256, 8, 32).transpose(1, 2) for one in (query, key, value))
    return torch.nn.functional.scaled_dot_product_attention(q * 0.2, k * 0.2, v)


def refuse_slow_cpu(profile: Profile, setting: str) -> None:
    """Raises DeviceUnfit if a profile made for a GPU would render on a CPU that nobody asked for."""
    if setting == "cpu" or profile.dtype == "float32" or pick_device(setting) != "cpu":
        return
    raise DeviceUnfit(
        f"The profile {profile.name!r} is made for a GPU and takes minutes a step on a CPU. {unusable_gpu()} Mend "
        "that, or set LIKENESS_PROFILE=embedded, or LIKENESS_DEVICE=cpu if you mean it.",
        profile=profile.name,
    )


def refuse_hidden_gpu() -> None:
    """Raises DeviceUnfit if `auto` would pick the CPU although the machine has a GPU, or torch was built for
    one."""
    if torch.version.cuda is None and not _has_nvidia_files():
        return
    raise DeviceUnfit(f"{unusable_gpu()} Mend that, or say that the CPU is meant: LIKENESS_DEVICE=cpu.")


def unusable_gpu() -> str:
    """A sentence that says why there is no CUDA device."""
    built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
    return f"torch {torch.__version__}, built {built}, finds no device that it can use; {_driver()}."


def _driver() -> str:
    try:
        first = _DRIVER.read_text().splitlines()[0]
    except (OSError, IndexError):
        return (
            "NVIDIA's device files are there, but no driver"
            if _has_nvidia_files()
            else "NVIDIA's driver isn't loaded"
        )
    found = re.search(r"\b\d+\.\d+(\.\d+)?\b", first)
    return f"NVIDIA's driver is {found[0] if found else 'of unknown version'}"


def _has_nvidia_files() -> bool:
    return any(_DEVICES.glob("nvidia[0-9]*"))


def pick_device(setting: str) -> str:
    """The device that the setting (`auto`, `cpu`, `cuda` or `cuda:N`) means on this machine."""
    if setting == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    return "cuda:0" if setting == "cuda" else setting
