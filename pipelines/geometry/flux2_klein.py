"""FLUX.2 [klein] 4B: a 3.88 B transformer, the Qwen3-4B text encoder and the FLUX.2 autoencoder."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel
from diffusers.pipelines.flux2.pipeline_flux2_klein import Flux2KleinPipeline
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from torch import nn
from transformers import Qwen3Config, Qwen3ForCausalLM

from pipelines.geometry import Scale
from pipelines.geometry.random_weights import materialised, on_meta, size_in_bytes
from pipelines.geometry.tokenizers import qwen_tokenizer


@dataclass(frozen=True, slots=True)
class Shape:
    """The arguments of each model's constructor, as its config.json has them."""

    transformer: dict[str, Any]
    text_encoder: dict[str, Any]
    vae: dict[str, Any]


FULL = Shape(
    transformer={
        "patch_size": 1,
        "in_channels": 128,
        "num_layers": 5,
        "num_single_layers": 20,
        "attention_head_dim": 128,
        "num_attention_heads": 24,
        "joint_attention_dim": 7680,  # three hidden states of the text encoder, side by side
        "timestep_guidance_channels": 256,
        "mlp_ratio": 3.0,
        "axes_dims_rope": (32, 32, 32, 32),
        "rope_theta": 2000,
        "guidance_embeds": False,
    },
    text_encoder={
        "vocab_size": 151_936,
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "max_position_embeddings": 40_960,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
        "tie_word_embeddings": True,
    },
    vae={"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 32},
)

TINY = Shape(
    transformer={
        "patch_size": 1,
        "in_channels": 16,
        "num_layers": 2,
        "num_single_layers": 2,
        "attention_head_dim": 16,
        "num_attention_heads": 2,
        "joint_attention_dim": 48,
        "timestep_guidance_channels": 32,
        "axes_dims_rope": (4, 4, 4, 4),
        "guidance_embeds": False,
    },
    text_encoder={
        "vocab_size": 263,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 28,  # the pipeline reads the 9th, 18th and 27th
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
    },
    vae={
        "block_out_channels": (4, 4, 8, 8),
        "layers_per_block": 1,
        "latent_channels": 4,
        "norm_num_groups": 1,
        "sample_size": 64,
    },
)

SHAPES: dict[Scale, Shape] = {"full": FULL, "tiny": TINY}


def parts(scale: Scale) -> dict[str, nn.Module]:
    shape = SHAPES[scale]
    return {
        "transformer": on_meta(partial(Flux2Transformer2DModel, **shape.transformer)),
        "text_encoder": on_meta(lambda: Qwen3ForCausalLM(Qwen3Config(**shape.text_encoder))),
        "vae": on_meta(partial(AutoencoderKLFlux2, **shape.vae)),
    }


def memory(scale: Scale, dtype: torch.dtype) -> int:
    return size_in_bytes(parts(scale).values(), dtype)


def build(
    scale: Scale,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    seed: int = 0,
    pipeline_class: type[Flux2KleinPipeline] | None = None,
) -> Flux2KleinPipeline:
    models: dict[str, Any] = materialised(parts(scale), dtype, device, seed)
    return (pipeline_class or Flux2KleinPipeline)(
        **models,
        tokenizer=qwen_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(
            shift=3.0,
            use_dynamic_shifting=True,
            time_shift_type="exponential",
            base_shift=0.5,
            max_shift=1.15,
        ),
        is_distilled=True,
    )
