"""The profile `sdxl-ip-adapter`: Stable Diffusion XL with IP-Adapter plus-face. For small cards."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline
from PIL import Image
from torch import Tensor
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from models.errors import WeightsRefused
from models.influencer import Appearance
from models.shot import Shot
from pipelines.diffusion import DiffusionEngine, OnStepEnd, colours
from pipelines.diffusion.engine import dtype_for
from pipelines.geometry.ip_adapter import grouped, names
from pipelines.prompt import keywords_for
from pipelines.protocol import Setup
from pipelines.references import squared
from pipelines.sources import ADAPTER_FILE, IMAGE_ENCODER
from pipelines.weights.safe import (
    Allowed,
    load_folder,
    load_model,
    loading,
    read_safetensors,
)

ADAPTER_SCALE = 0.7
"""How much the references weigh against the text; the adapter's authors advise 0.6 to 0.8."""

NEGATIVE_PROMPT = (
    "deformed, disfigured, extra fingers, text, watermark, lowres, blurry, painting, cartoon, 3d render"
)

_CLASSES: Allowed = {
    "scheduler": frozenset(("diffusers.EulerDiscreteScheduler",)),
    "text_encoder": frozenset(("transformers.CLIPTextModel",)),
    "text_encoder_2": frozenset(("transformers.CLIPTextModelWithProjection",)),
    "tokenizer": frozenset(("transformers.CLIPTokenizer",)),
    "tokenizer_2": frozenset(("transformers.CLIPTokenizer",)),
    "unet": frozenset(("diffusers.UNet2DConditionModel",)),
    "vae": frozenset(("diffusers.AutoencoderKL",)),
}


@dataclass(frozen=True, slots=True)
class _Encoded:
    """Each prompt tensor has one row for each image."""

    prompts: Tensor
    negative_prompts: Tensor
    pooled: Tensor
    negative_pooled: Tensor
    references: list[Tensor]
    """One adapter's embeddings, (2, references, tokens, hidden): without references, then with.

    All rows share them. Rows with references of their own would leak: the stock pipeline folds them together.
    """


class SdxlIpAdapter(DiffusionEngine):
    """Stable Diffusion XL with IP-Adapter: references act through image embeddings, besides the text."""

    pipeline_class: ClassVar[Any] = StableDiffusionXLPipeline
    stock_name: ClassVar[str] = "StableDiffusionXLPipeline"
    denoiser: ClassVar[str] = "unet"
    prediction: ClassVar[str | None] = "noise_pred"

    @classmethod
    def open(cls, setup: Setup) -> Any:
        base, adapter = setup.weights
        dtype, variant = dtype_for(setup), base.source.variant
        # In half precision this autoencoder overflows.
        vae = load_model(AutoencoderKL, base.path / "vae", dtype=torch.float32, variant=variant)
        pipe = load_folder(cls.pipeline_class, base.path, _CLASSES, dtype=dtype, variant=variant, vae=vae)
        encoder = load_model(CLIPVisionModelWithProjection, adapter.path / IMAGE_ENCODER, dtype=dtype)
        side = encoder.config.image_size
        pipe.register_modules(
            image_encoder=encoder,
            feature_extractor=CLIPImageProcessorPil(size=side, crop_size=side),
        )
        _load_adapter(pipe, adapter.path / ADAPTER_FILE)
        return pipe

    def __init__(self, pipeline: Any, setup: Setup) -> None:
        pipeline.set_ip_adapter_scale(ADAPTER_SCALE)
        super().__init__(pipeline, setup)

    def conditioning(self, shot: Shot, appearance: Appearance) -> str:
        return keywords_for(shot, appearance)

    def encode(self, references: list[Image.Image], prompts: list[str], reference_size: int) -> _Encoded:
        device = self.setup.device.torch
        prompt, negative, pooled, negative_pooled = self.pipe.encode_prompt(
            prompts,
            device=device,
            do_classifier_free_guidance=True,
            negative_prompt=[NEGATIVE_PROMPT] * len(prompts),
        )
        small = [squared(reference, reference_size) for reference in references]
        embeds = self.pipe.prepare_ip_adapter_image_embeds([small], None, device, 1, True)
        return _Encoded(prompt, negative, pooled, negative_pooled, embeds)

    def denoise(
        self, encoded: _Encoded, rows: list[int], generators: list[torch.Generator], on_step_end: OnStepEnd
    ) -> Tensor:
        latents: Tensor = self.pipe(
            prompt_embeds=encoded.prompts[rows],
            negative_prompt_embeds=encoded.negative_prompts[rows],
            pooled_prompt_embeds=encoded.pooled[rows],
            negative_pooled_prompt_embeds=encoded.negative_pooled[rows],
            ip_adapter_image_embeds=encoded.references,
            guidance_scale=self.plan.profile.guidance,
            **self.call(generators, on_step_end),
        ).images
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        vae = self.pipe.vae
        image: Tensor = vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor).sample
        return image

    def colours(self, latents: Tensor) -> Tensor | None:
        return colours.SDXL(latents)


def _load_adapter(pipe: Any, path: Path) -> None:
    """Loads the adapter. The stock loader ignores tensors that it doesn't look for, so their names are compared
    first."""
    tensors = read_safetensors(path)
    if odd := sorted(tensors.keys() ^ names(pipe.unet)):
        raise WeightsRefused(
            f"{path.name} lacks {odd[0]}, or shouldn't have it. Fetch it again.", file=path.name
        )
    with loading(path):
        pipe.load_ip_adapter(grouped(tensors), subfolder="", weight_name="", image_encoder_folder=None)
