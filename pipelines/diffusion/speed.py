"""Applies the speed options to a denoiser. All are off unless the operator asks for them.

A render process holds one profile, and what is switched on here stays on for its denoiser.
"""

from typing import Any

import torch
from diffusers import FirstBlockCacheConfig
from diffusers.models.attention_dispatch import attention_backend

from models.render import SpeedOptions

# The other blocks are skipped if the first block's output changes by less than this: 0.1 skips about half the
# steps.
_FIRST_BLOCK_THRESHOLD = 0.1


def quantized(denoiser: Any, speed: SpeedOptions, dtype: torch.dtype) -> None:
    """Quantises the weights. Call it before the denoiser goes to the device, so that its full size never does.

    Weights are kept as float8 and widened to `dtype` layer by layer, for the moment in which they are used.
    """
    if speed.quantize == "fp8":
        denoiser.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype)


def accelerated(denoiser: Any, speed: SpeedOptions) -> None:
    """Applies the other options, once the denoiser is on its device."""
    if speed.attention:
        # The backend also becomes the process's default. This restores the old one, for models that didn't ask for
        # it.
        with attention_backend():
            denoiser.set_attention_backend(speed.attention)
    if speed.step_cache == "first-block":
        denoiser.enable_cache(FirstBlockCacheConfig(threshold=_FIRST_BLOCK_THRESHOLD))
    if speed.channels_last:
        denoiser.to(memory_format=torch.channels_last)
    if speed.compile:
        denoiser.compile_repeated_blocks()
