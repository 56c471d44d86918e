"""The speed options, put on a denoiser. All are off unless the operator asks for them.

A render process holds one profile, and what is switched here stays with its denoiser.
"""

from typing import Any

import torch
from diffusers import FirstBlockCacheConfig
from diffusers.models.attention_dispatch import attention_backend

from models.render import SpeedOptions

# How much the first block's output may change for the others to be skipped: 0.1 is about half the steps.
_FIRST_BLOCK_THRESHOLD = 0.1


def quantized(denoiser: Any, speed: SpeedOptions, dtype: torch.dtype) -> None:
    """Before the denoiser goes to the device, so that its full size never does.

    Weights are kept as float8 and widened to `dtype` layer by layer, for the moment in which they are used.
    """
    if speed.quantize == "fp8":
        denoiser.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype)


def accelerated(denoiser: Any, speed: SpeedOptions) -> None:
    """Once the denoiser is on its device. Raises what diffusers does for a backend that isn't installed."""
    if speed.attention:
        # It also becomes the process's default. Put back what was, for models that didn't ask for it.
        with attention_backend():
            denoiser.set_attention_backend(speed.attention)
    if speed.step_cache == "first-block":
        denoiser.enable_cache(FirstBlockCacheConfig(threshold=_FIRST_BLOCK_THRESHOLD))
    if speed.channels_last:
        denoiser.to(memory_format=torch.channels_last)
    if speed.compile:
        denoiser.compile_repeated_blocks()
