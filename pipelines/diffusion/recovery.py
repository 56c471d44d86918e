"""Recovers from device failures."""

from collections.abc import Callable
from typing import TypeVar

from models.errors import DeviceLost, RenderOutOfMemory
from pipelines.device import Device

T = TypeVar("T")


def attempt(device: Device, work: Callable[[], T]) -> T | None:
    """Returns the result of `work`, or None if the device ran out of memory; then nothing of the work is left on
    it.

    Raises DeviceLost if the device's context is broken, and lets every other error pass.
    """
    lost = ""
    try:
        return work()
    except RuntimeError as error:
        if device.is_lost(error):
            lost = f"{type(error).__name__}: {str(error)[:300]}"
        elif not device.is_out_of_memory(error):
            raise
    # The error's traceback held the work's tensors. Only here, after `except`, is it gone.
    if lost:
        raise DeviceLost(
            f"The device {device} can't be used any more ({lost}). The render process is replaced. If it happens "
            "again, look for hardware errors: nvidia-smi -q, dmesg.",
            device=str(device),
        )
    device.free()
    return None


def no_room() -> RenderOutOfMemory:
    """The error for when no fallback is left."""
    return RenderOutOfMemory(
        "The device ran out of memory with a single image, tiles and small references. The render process is "
        "replaced. If it happens again, lower LIKENESS_IMAGE_SIZE, use a profile that needs less, or free the "
        "device of other processes."
    )
