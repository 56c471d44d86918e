"""Previews: what the denoiser expects of an image after a step, as a small picture."""

import torch
from PIL import Image
from torch import Tensor

from pipelines.protocol import PREVIEW_SIDE


def expected(latents: Tensor, prediction: Tensor | None, sigma: Tensor) -> Tensor:
    """The finished latents that the denoiser expects, given the latents that its last step left at the noise level
    `sigma`. The same holds for flows and for predicted noise: latents are the finished ones and `sigma` times the
    prediction. Without a prediction, these are the latents as they are."""
    return latents.float() if prediction is None else latents.float() - sigma * prediction.float()


def small_picture(colours: Tensor) -> Image.Image:
    """Turns colours (3, H, W) from -1 to 1 into a picture of at most PREVIEW_SIDE pixels a side, on the CPU."""
    longer = max(colours.shape[1:])
    if longer > PREVIEW_SIDE:
        size = [max(1, side * PREVIEW_SIDE // longer) for side in colours.shape[1:]]
        colours = torch.nn.functional.interpolate(colours[None], size, mode="area")[0]
    levels = colours.add(1).mul(127.5).nan_to_num(127).clamp(0, 255).to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().cpu().numpy())
