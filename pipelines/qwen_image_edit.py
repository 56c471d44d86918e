"""The profile `qwen-image-edit`: Qwen-Image-Edit-2511, 40 steps with true guidance. For quality.

`qwen-image-edit-lightning` is the same model with a LoRA that makes eight steps enough; `firered-image-edit` has
the same shape, trained further by others.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImageEditPlusPipeline
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as stock
from PIL import Image
from torch import Tensor

from models.errors import WeightsRefused
from pipelines.diffusion import DiffusionEngine, OnStepEnd, colours
from pipelines.diffusion.engine import dtype_for
from pipelines.protocol import Setup
from pipelines.qwen_processor import ImageOnlyQwen2VLProcessor
from pipelines.references import fitted
from pipelines.weights.safe import Allowed, load_folder, loading, read_safetensors

NEGATIVE_PROMPT = " "
"""Without a negative prompt, the pipeline silently switches guidance off."""

CONDITION_SIZE = 384
"""The text encoder sees references at the area of a square with this side, as it did in training."""

LIGHTNING_SHIFT = math.log(3)
"""The shift of the noise schedule that the Lightning LoRA was trained with."""

_CLASSES: Allowed = {
    "processor": frozenset(("transformers.Qwen2VLProcessor",)),
    "scheduler": frozenset(("diffusers.FlowMatchEulerDiscreteScheduler",)),
    "text_encoder": frozenset(("transformers.Qwen2_5_VLForConditionalGeneration",)),
    "tokenizer": frozenset(("transformers.Qwen2Tokenizer", "transformers.Qwen2TokenizerFast")),
    "transformer": frozenset(("diffusers.QwenImageTransformer2DModel",)),
    "vae": frozenset(("diffusers.AutoencoderKLQwenImage",)),
}


class SharedReferences(QwenImageEditPlusPipeline):  # type: ignore[misc]
    """Encodes a job's references once. The stock pipeline encodes them in each call; its way around that is
    broken."""

    reference_latents: Tensor | None = None
    """(1, L, C), L over all references."""

    def prepare_latents(self, images: Any, batch_size: int, *rest: Any) -> tuple[Tensor, Tensor]:
        if self.reference_latents is None:
            latents, self.reference_latents = super().prepare_latents(images, batch_size, *rest)
        else:
            latents, _ = super().prepare_latents(None, batch_size, *rest)
        return latents, self.reference_latents


@dataclass(frozen=True, slots=True)
class _Text:
    embeds: Tensor
    """(1, tokens, hidden)"""
    mask: Tensor
    """(1, tokens)"""


@dataclass(frozen=True, slots=True)
class _Encoded:
    prompts: list[_Text]
    """One for each image, each as long as its prompt."""
    negative: _Text | None
    references: list[Image.Image]
    reference_size: int


class QwenImageEdit(DiffusionEngine):
    """Qwen-Image-Edit, one image at a time: the pipeline takes one prompt, and 20 billion parameters fill a GPU
    with it."""

    pipeline_class: ClassVar[Any] = SharedReferences
    stock_name: ClassVar[str] = "QwenImageEditPlusPipeline"
    prediction: ClassVar[str | None] = "noise_pred"

    @classmethod
    def open(cls, setup: Setup) -> Any:
        base, *lightning = setup.weights
        pipe = load_folder(
            cls.pipeline_class,
            base.path,
            _CLASSES,
            dtype=dtype_for(setup),
            class_name=cls.stock_name,
            # The stock processor needs torchvision, whose resizing also differs from Pillow's.
            processor=ImageOnlyQwen2VLProcessor.load(base.path / "processor"),
        )
        if lightning and not setup.plan.speed.quantize:
            # Two trillion operations: a minute on a CPU. Weights that are to be quantised may not fit in full size.
            pipe.transformer.to(setup.device.torch)
        for lora in lightning:
            _fuse(pipe, lora.path / lora.source.files[0])
            pipe.scheduler = FlowMatchEulerDiscreteScheduler.from_config(
                pipe.scheduler.config,
                base_shift=LIGHTNING_SHIFT,
                max_shift=LIGHTNING_SHIFT,
                shift_terminal=None,
            )
        return pipe

    @property
    def _is_guided(self) -> bool:
        return self.plan.profile.guidance > 1

    def encode(self, references: list[Image.Image], prompts: list[str], reference_size: int) -> _Encoded:
        small = [fitted(reference, reference_size, 32) for reference in references]
        seen = [fitted(reference, min(CONDITION_SIZE, reference_size), 32) for reference in references]
        negative = self._text(NEGATIVE_PROMPT, seen) if self._is_guided else None
        return _Encoded([self._text(prompt, seen) for prompt in prompts], negative, small, reference_size)

    def _text(self, prompt: str, seen: list[Image.Image]) -> _Text:
        embeds, mask = self.pipe.encode_prompt(prompt, image=seen, device=self.setup.device.torch)
        if mask is None:
            # None stands for no padding, but the pipeline warns if it gets None back.
            mask = torch.ones(embeds.shape[:2], dtype=torch.long, device=embeds.device)
        return _Text(embeds, mask)

    def denoise(
        self, encoded: _Encoded, rows: list[int], generators: list[torch.Generator], on_step_end: OnStepEnd
    ) -> Tensor:
        (row,) = rows
        text, negative = encoded.prompts[row], encoded.negative
        with _references_at(encoded.reference_size):
            latents: Tensor = self.pipe(
                image=encoded.references,
                prompt_embeds=text.embeds,
                prompt_embeds_mask=text.mask,
                negative_prompt_embeds=negative.embeds if negative else None,
                negative_prompt_embeds_mask=negative.mask if negative else None,
                true_cfg_scale=self.plan.profile.guidance,
                **self.call(generators, on_step_end),
            ).images
        return self._unpacked(latents)

    def _unpacked(self, latents: Tensor) -> Tensor:
        """Unpacks latents from patches of 2 x 2. As (1, C, 1, H, W), the decoder knows their size."""
        side = self.plan.size
        unpacked: Tensor = self.pipe._unpack_latents(latents, side, side, self.pipe.vae_scale_factor)
        return unpacked

    def colours(self, latents: Tensor) -> Tensor | None:
        return colours.QWEN_IMAGE(self._unpacked(latents[None])[0, :, 0])

    def decode(self, latents: Tensor) -> Tensor:
        vae = self.pipe.vae
        mean, std = (
            torch.tensor(values, device=latents.device, dtype=vae.dtype).view(1, -1, 1, 1, 1)
            for values in (vae.config.latents_mean, vae.config.latents_std)
        )
        image: Tensor = vae.decode(latents.to(vae.dtype) * std + mean).sample[:, :, 0]
        return image

    def forget(self) -> None:
        self.pipe.reference_latents = None


def _fuse(pipe: Any, path: Path) -> None:
    """Adds the LoRA to the transformer's own weights, so that it costs nothing and leaves no layers."""
    tensors = read_safetensors(path)
    parts: dict[str, set[str]] = {}
    for name in tensors:
        layer, _, part = name.partition(".lora_") if ".lora_" in name else name.rpartition(".")
        parts.setdefault(layer, set()).add(part)
    if len({frozenset(found) for found in parts.values()}) != 1:
        raise WeightsRefused(
            f"Not every layer of {path.name} has the same tensors. Fetch it again.", file=path.name
        )
    with loading(path):
        pipe.load_lora_weights(tensors)
    # diffusers only warns about layers that the model doesn't have.
    found = sum(".lora_A." in name for name, _ in pipe.transformer.named_parameters())
    if found != len(parts):
        raise WeightsRefused(
            f"{path.name} changes {len(parts)} layers, and the model has {found} of them. Fetch it again.",
            file=path.name,
        )
    pipe.fuse_lora()
    pipe.unload_lora_weights()


@contextmanager
def _references_at(side: int) -> Iterator[None]:
    """Sets the area of references: the stock pipeline scales each one up or down to the area in a module
    constant."""
    before = stock.VAE_IMAGE_SIZE
    stock.VAE_IMAGE_SIZE = side * side
    try:
        yield
    finally:
        stock.VAE_IMAGE_SIZE = before
