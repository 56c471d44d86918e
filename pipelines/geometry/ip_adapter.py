"""Random weights of an IP-Adapter Plus, under the names that the published files have.

Layout: `image_proj.*` is the resampler, which turns an image's patches into a few prompt tokens, and
`ip_adapter.{1,3,5,…}.to_{k,v}_ip.weight` are the cross-attentions that read them, numbered as the UNet
counts its attentions. Source: the h94/IP-Adapter repository and diffusers' loader for it.
"""

from dataclasses import dataclass
from math import prod

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from pipelines.geometry.random_weights import random_tensor

HEAD = 64
"""Width of an attention head. The loader assumes this value."""
DEPTH = 4
"""Number of the resampler's layers. The loader assumes this too."""


@dataclass(frozen=True, slots=True)
class Resampler:
    """The shape of `image_proj`."""

    inputs: int
    """Width of the image encoder's hidden states."""
    width: int
    heads: int
    queries: int
    """Number of prompt tokens that an image becomes."""
    outputs: int
    """Width of a prompt token."""


def shapes(resampler: Resampler, unet: UNet2DConditionModel) -> dict[str, tuple[int, ...]]:
    """The shapes of the file's tensors, by name."""
    width, inner = resampler.width, HEAD * resampler.heads
    tensors: dict[str, tuple[int, ...]] = {
        "latents": (1, resampler.queries, width),
        "proj_in.weight": (width, resampler.inputs),
        "proj_in.bias": (width,),
        "proj_out.weight": (resampler.outputs, width),
        "proj_out.bias": (resampler.outputs,),
        "norm_out.weight": (resampler.outputs,),
        "norm_out.bias": (resampler.outputs,),
    }
    for number in range(DEPTH):
        layer = f"layers.{number}"
        for norm in ("0.norm1", "0.norm2", "1.0"):
            tensors |= {f"{layer}.{norm}.weight": (width,), f"{layer}.{norm}.bias": (width,)}
        tensors |= {
            f"{layer}.0.to_q.weight": (inner, width),
            f"{layer}.0.to_kv.weight": (2 * inner, width),
            f"{layer}.0.to_out.weight": (width, inner),
            f"{layer}.1.1.weight": (4 * width, width),
            f"{layer}.1.3.weight": (width, 4 * width),
        }
    named = {f"image_proj.{name}": shape for name, shape in tensors.items()}
    for index, (name, attention) in enumerate(_attentions(unet)):
        if name.endswith("attn2"):
            for kind in ("k", "v"):
                named[f"ip_adapter.{index}.to_{kind}_ip.weight"] = (attention, resampler.outputs)
    return named


def weights(
    resampler: Resampler,
    unet: UNet2DConditionModel,
    dtype: torch.dtype,
    device: torch.device | str,
    seed: int,
) -> dict[str, Tensor]:
    """The file's tensors, with random values."""
    generator = torch.Generator(device).manual_seed(seed)
    made = {}
    for name, shape in shapes(resampler, unet).items():
        if name.endswith("bias"):
            made[name] = torch.zeros(shape, dtype=dtype, device=device)
        elif len(shape) == 1:
            made[name] = torch.ones(shape, dtype=dtype, device=device)
        else:
            made[name] = random_tensor(shape, dtype, device, generator)
    return made


def parameters(resampler: Resampler, unet: UNet2DConditionModel) -> int:
    return sum(prod(shape) for shape in shapes(resampler, unet).values())


def names(unet: UNet2DConditionModel) -> set[str]:
    """The names of the tensors in a file for this UNet, whatever their widths."""
    return set(shapes(Resampler(1, 1, 1, 1, 1), unet))


def grouped(tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The tensors as `load_ip_adapter` takes them: in two groups, by the name's part before the first dot."""
    groups: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in tensors.items():
        group, rest = name.split(".", 1)
        groups[group][rest] = tensor
    return groups


def _attentions(unet: UNet2DConditionModel) -> list[tuple[str, int]]:
    """The UNet's attentions in its own order, and how wide each one's keys are."""
    attentions = []
    for processor in unet.attn_processors:
        name = processor.removesuffix(".processor")
        keys = unet.get_submodule(f"{name}.to_k")
        assert isinstance(keys, nn.Linear)
        attentions.append((name, keys.out_features))
    return attentions
