"""Coming back from a device that failed."""

from collections.abc import Callable
from typing import TypeVar

from models.errors import DeviceLost, RenderOutOfMemory
from pipelines.device import Device

T = TypeVar("T")


def attempt(device: Device, work: Callable[[], T]) -> T | None:
    """What `work` returns, or None if the device ran out of memory; then nothing of the work is left on it.

    Raises DeviceLost when the device's context is broken, and lets everything else pass.
    """
    lost = ""
    try:
        return work()
    except RuntimeError as error:
        if device.is_lost(error):
            lost = f"{type(error).__name__}: {str(error)[:300]}"
        elif not device.is_out_of_memory(error):
            raise
    # Only here, after `except`, is the error gone, whose traceback held the work's tensors.
    if lost:
        raise DeviceLost(
            f"The device {device} can't be used any more ({lost}). The render process is replaced. If it happens "
            "again, look for hardware errors: nvidia-smi -q, dmesg.",
            device=str(device),
        )
    device.free()
    return None


def no_room() -> RenderOutOfMemory:
    """Nothing is left to try."""
    return RenderOutOfMemory(
        "The device ran out of memory with a single image, tiles and small references. The render process is "
        "replaced. If it happens again, lower LIKENESS_IMAGE_SIZE, use a profile that needs less, or free the "
        "device of other processes."
    )
