"""The profile `flux2-klein`: FLUX.2 [klein] 4B, four steps, several references. The default for a GPU.

`flux2-klein-small` is the same with a smaller decoder; its text encoder visits the device.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from diffusers import AutoencoderKLFlux2, Flux2KleinPipeline
from PIL import Image
from torch import Tensor

from pipelines.diffusion import DiffusionEngine, OnStepEnd, colours
from pipelines.diffusion.engine import dtype_for
from pipelines.protocol import Setup
from pipelines.references import fitted
from pipelines.weights.safe import Allowed, load_folder, load_model

_CLASSES: Allowed = {
    "scheduler": frozenset(("diffusers.FlowMatchEulerDiscreteScheduler",)),
    "text_encoder": frozenset(("transformers.Qwen3ForCausalLM",)),
    "tokenizer": frozenset(("transformers.Qwen2Tokenizer", "transformers.Qwen2TokenizerFast")),
    "transformer": frozenset(("diffusers.Flux2Transformer2DModel",)),
    "vae": frozenset(("diffusers.AutoencoderKLFlux2",)),
}


class SharedReferences(Flux2KleinPipeline):  # type: ignore[misc]
    """Encodes a job's references once. The stock pipeline encodes them in each call, and accepts no latents
    instead."""

    @property
    def _execution_device(self) -> torch.device:
        # The stock property takes the first component's, and that may be on the CPU for now.
        device: torch.device = self.transformer.device
        return device

    reference_latents: tuple[Tensor, Tensor] | None = None
    """Latents (1, L, C) and their position ids (1, L, 4), L over all references."""

    def prepare_image_latents(
        self, images: Any, batch_size: int, generator: Any, device: Any, dtype: Any
    ) -> tuple[Tensor, Tensor]:
        if self.reference_latents is None:
            self.reference_latents = super().prepare_image_latents(images, 1, generator, device, dtype)
        latents, ids = self.reference_latents
        return latents.expand(batch_size, -1, -1), ids.expand(batch_size, -1, -1)


@dataclass(frozen=True, slots=True)
class _Encoded:
    prompts: Tensor
    """(N, 512, 3 x hidden), one row for each image."""
    references: list[Image.Image]


class Flux2Klein(DiffusionEngine):
    """FLUX.2 [klein]: every image sees all references at once. The model was trained to find what they share."""

    pipeline_class: ClassVar[Any] = SharedReferences
    stock_name: ClassVar[str] = "Flux2KleinPipeline"
    prediction: ClassVar[str | None] = "noise_pred"

    @classmethod
    def open(cls, setup: Setup) -> Any:
        weights, *decoder = setup.weights
        dtype = dtype_for(setup)
        given: dict[str, Any] = {}
        if decoder:
            given["vae"] = load_model(AutoencoderKLFlux2, decoder[0].path, dtype=dtype)
        return load_folder(
            cls.pipeline_class, weights.path, _CLASSES, dtype=dtype, class_name=cls.stock_name, **given
        )

    def encode(self, references: list[Image.Image], prompts: list[str], reference_size: int) -> _Encoded:
        multiple = self.pipe.vae_scale_factor * 2
        small = [fitted(reference, reference_size, multiple) for reference in references]
        if small:
            pixels = [self.pipe.image_processor.preprocess(image) for image in small]
            self.pipe.prepare_image_latents(pixels, 1, None, self.setup.device.torch, self.pipe.vae.dtype)
        # One by one: the text encoder keeps every layer's output for every prompt.
        device = self.setup.device.torch
        with self.on_device("text_encoder"):
            embeds = [self.pipe.encode_prompt(prompt, device=device)[0] for prompt in prompts]
        return _Encoded(torch.cat(embeds), small)

    def denoise(
        self, encoded: _Encoded, rows: list[int], generators: list[torch.Generator], on_step_end: OnStepEnd
    ) -> Tensor:
        latents: Tensor = self.pipe(
            image=encoded.references or None,
            prompt_embeds=encoded.prompts[rows],
            guidance_scale=self.plan.profile.guidance,
            **self.call(generators, on_step_end),
        ).images
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        image: Tensor = self.pipe.vae.decode(latents.to(self.pipe.vae.dtype)).sample
        return image

    def colours(self, latents: Tensor) -> Tensor | None:
        # The latents are (L, C), packed in patches of 2 x 2, row by row.
        side = self.plan.size // (self.pipe.vae_scale_factor * 2)
        patches = latents.T.reshape(1, -1, side, side)
        return colours.FLUX2(self.pipe._unpatchify_latents(patches)[0])

    def forget(self) -> None:
        self.pipe.reference_latents = None
