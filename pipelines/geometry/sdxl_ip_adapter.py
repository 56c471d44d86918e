"""Stable Diffusion XL with IP-Adapter plus-face: a 2.57 B UNet, two CLIP text encoders, a ViT-H image encoder."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from torch import nn
from transformers import (
    CLIPImageProcessorPil,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from pipelines.geometry import Scale, ip_adapter
from pipelines.geometry.ip_adapter import Resampler
from pipelines.geometry.random_weights import materialise, materialised, on_meta, size_in_bytes
from pipelines.geometry.tokenizers import clip_tokenizer

VAE_DTYPE = torch.float32
"""The autoencoder's type, whatever the rest computes in: it overflows in half precision."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The arguments of each model's constructor, as its config.json has them, and the adapter's figures."""

    unet: dict[str, Any]
    text_encoder: dict[str, Any]
    text_encoder_2: dict[str, Any]
    image_encoder: dict[str, Any]
    vae: dict[str, Any]
    resampler: Resampler


FULL = Shape(
    unet={
        "sample_size": 128,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": (320, 640, 1280),
        "layers_per_block": 2,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
    text_encoder={
        "vocab_size": 49_408,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "projection_dim": 768,
        "hidden_act": "quick_gelu",
    },
    text_encoder_2={
        "vocab_size": 49_408,
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 20,
        "projection_dim": 1280,
        "hidden_act": "gelu",
    },
    image_encoder={
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "projection_dim": 1024,
        "image_size": 224,
        "patch_size": 14,
        "hidden_act": "gelu",
    },
    vae={
        "block_out_channels": (128, 256, 512, 512),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 2,
        "latent_channels": 4,
        "sample_size": 1024,
        "scaling_factor": 0.13025,
    },
    resampler=Resampler(inputs=1280, width=1280, heads=20, queries=16, outputs=2048),
)

_TINY_TEXT = {
    "vocab_size": 514,
    "hidden_size": 32,
    "intermediate_size": 37,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "projection_dim": 32,
}

TINY = Shape(
    unet={
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2),
        "attention_head_dim": (2, 4),
        "cross_attention_dim": 64,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 80,
        "norm_num_groups": 1,
    },
    text_encoder={**_TINY_TEXT, "hidden_act": "quick_gelu"},
    text_encoder_2={**_TINY_TEXT, "hidden_act": "gelu"},
    image_encoder={
        "hidden_size": 32,
        "intermediate_size": 37,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "projection_dim": 32,
        "image_size": 56,
        "patch_size": 14,
    },
    vae={
        "block_out_channels": (4, 4, 8, 8),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 1,
        "latent_channels": 4,
        "sample_size": 64,
        "norm_num_groups": 1,
        "scaling_factor": 0.13025,
    },
    resampler=Resampler(inputs=32, width=64, heads=1, queries=4, outputs=64),
)

SHAPES: dict[Scale, Shape] = {"full": FULL, "tiny": TINY}


def parts(scale: Scale) -> dict[str, nn.Module]:
    shape = SHAPES[scale]
    return {
        "unet": on_meta(partial(UNet2DConditionModel, **shape.unet)),
        "text_encoder": on_meta(lambda: CLIPTextModel(_text_config(shape.text_encoder))),
        "text_encoder_2": on_meta(lambda: CLIPTextModelWithProjection(_text_config(shape.text_encoder_2))),
        "image_encoder": on_meta(
            lambda: CLIPVisionModelWithProjection(CLIPVisionConfig(**shape.image_encoder))
        ),
        "vae": on_meta(partial(AutoencoderKL, **shape.vae)),
    }


def memory(scale: Scale, dtype: torch.dtype) -> int:
    models = parts(scale)
    vae, unet = models.pop("vae"), models["unet"]
    assert isinstance(unet, UNet2DConditionModel)
    adapter_size = ip_adapter.parameters(SHAPES[scale].resampler, unet) * dtype.itemsize
    return size_in_bytes(models.values(), dtype) + size_in_bytes([vae], VAE_DTYPE) + adapter_size


def build(
    scale: Scale,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    seed: int = 0,
    pipeline_class: type[StableDiffusionXLPipeline] | None = None,
) -> StableDiffusionXLPipeline:
    """Builds the pipeline with the adapter loaded, and its image encoder and feature extractor registered."""
    pipeline = base(scale, dtype=dtype, device=device, seed=seed, pipeline_class=pipeline_class)
    tensors = adapter(scale, pipeline.unet, dtype=dtype, device=device, seed=seed)
    state: Any = ip_adapter.grouped(tensors)
    pipeline.load_ip_adapter(state, subfolder="", weight_name="", image_encoder_folder=None)
    return pipeline


def base(
    scale: Scale,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    seed: int = 0,
    pipeline_class: type[StableDiffusionXLPipeline] | None = None,
) -> StableDiffusionXLPipeline:
    """The pipeline without the adapter, its image encoder included."""
    shapes = parts(scale)
    vae = shapes.pop("vae")
    models: dict[str, Any] = materialised(shapes, dtype, device, seed)
    models["vae"] = materialise(vae, VAE_DTYPE, device, seed)
    side = SHAPES[scale].image_encoder["image_size"]
    feature_extractor: Any = CLIPImageProcessorPil(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}
    )
    return (pipeline_class or StableDiffusionXLPipeline)(
        **models,
        feature_extractor=feature_extractor,
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="leading",
        ),
    )


def adapter(
    scale: Scale,
    unet: UNet2DConditionModel,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """The tensors of the adapter's file for that UNet."""
    return ip_adapter.weights(SHAPES[scale].resampler, unet, dtype, device, seed)


def _text_config(shape: dict[str, Any]) -> CLIPTextConfig:
    tokenizer = clip_tokenizer()
    return CLIPTextConfig(
        **shape,
        # The ids of the tokenizer above, not the published ones: the pooled state is found by them.
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
