"""Qwen-Image-Edit-2511: a 20.43 B transformer, the Qwen2.5-VL-7B text encoder and a 3D autoencoder."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_qwenimage import AutoencoderKLQwenImage
from diffusers.models.transformers.transformer_qwenimage import QwenImageTransformer2DModel
from diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus import QwenImageEditPlusPipeline
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from torch import nn
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessorPil

from pipelines.geometry import Scale
from pipelines.geometry.random_weights import materialised, on_meta, size_in_bytes
from pipelines.geometry.tokenizers import qwen_tokenizer
from pipelines.qwen_processor import ImageOnlyQwen2VLProcessor


@dataclass(frozen=True, slots=True)
class Shape:
    """The arguments of each model's constructor, as its config.json has them."""

    transformer: dict[str, Any]
    text: dict[str, Any]
    vision: dict[str, Any]
    vae: dict[str, Any]


FULL = Shape(
    transformer={
        "patch_size": 2,
        "in_channels": 64,
        "out_channels": 16,
        "num_layers": 60,
        "attention_head_dim": 128,
        "num_attention_heads": 24,
        "joint_attention_dim": 3584,
        "guidance_embeds": False,
        "axes_dims_rope": (16, 56, 56),
        "zero_cond_t": True,  # references are clean at every step
    },
    text={
        "vocab_size": 152_064,
        "hidden_size": 3584,
        "intermediate_size": 18_944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "max_position_embeddings": 128_000,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    },
    vision={
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 3584,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "tokens_per_second": 2,
    },
    vae={"base_dim": 96, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2},
)

TINY = Shape(
    transformer={
        "patch_size": 2,
        "in_channels": 16,
        "out_channels": 4,
        "num_layers": 2,
        "attention_head_dim": 16,
        "num_attention_heads": 2,
        "joint_attention_dim": 16,
        "guidance_embeds": False,
        "axes_dims_rope": (8, 4, 4),
        "zero_cond_t": True,
    },
    text={
        "vocab_size": 263,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
    },
    vision={
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_heads": 2,
        "out_hidden_size": 16,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [1],
    },
    vae={
        "base_dim": 8,
        "z_dim": 4,
        "dim_mult": [1, 1, 2, 2],
        "num_res_blocks": 1,
        # Not 0 and 1, so that code that forgets them gives another image.
        "latents_mean": [-0.7, 0.2, 1.1, -0.3],
        "latents_std": [2.8, 1.5, 2.1, 3.2],
    },
)

SHAPES: dict[Scale, Shape] = {"full": FULL, "tiny": TINY}


def parts(scale: Scale) -> dict[str, nn.Module]:
    shape = SHAPES[scale]
    return {
        "transformer": on_meta(partial(QwenImageTransformer2DModel, **shape.transformer)),
        "text_encoder": on_meta(lambda: Qwen2_5_VLForConditionalGeneration(_text_config(shape))),
        "vae": on_meta(partial(AutoencoderKLQwenImage, **shape.vae)),
    }


def memory(scale: Scale, dtype: torch.dtype) -> int:
    return size_in_bytes(parts(scale).values(), dtype)


def build(
    scale: Scale,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    seed: int = 0,
    pipeline_class: type[QwenImageEditPlusPipeline] | None = None,
) -> QwenImageEditPlusPipeline:
    models: dict[str, Any] = materialised(parts(scale), dtype, device, seed)
    tokenizer = qwen_tokenizer()
    images = Qwen2VLImageProcessorPil(
        min_pixels=56 * 56,
        max_pixels=28 * 28 * (16_384 if scale == "full" else 1280),
        patch_size=14,
        merge_size=2,
        temporal_patch_size=2,
    )
    return (pipeline_class or QwenImageEditPlusPipeline)(
        **models,
        tokenizer=tokenizer,
        processor=ImageOnlyQwen2VLProcessor(images, tokenizer, chat_template=tokenizer.chat_template),
        scheduler=FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True,
            time_shift_type="exponential",
            base_shift=0.5,
            max_shift=0.9,
            base_image_seq_len=256,
            max_image_seq_len=8192,
            shift_terminal=0.02,
        ),
    )


def _text_config(shape: Shape) -> Qwen2_5_VLConfig:
    ids: dict[str, int] = qwen_tokenizer().get_vocab()
    return Qwen2_5_VLConfig(
        text_config={
            **shape.text,
            "bos_token_id": None,
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config=shape.vision,
        # The ids of the tokenizer above, not the published ones: images are found by them.
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=False,
    )
