"""The pipeline in diffusers' form: a person's code and views in, pictures out."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline, ImagePipelineOutput
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from models.influencer import Appearance
from pipelines.embedded.appearance import Directions, as_described
from pipelines.embedded.correction import Correction
from pipelines.embedded.made_up import made_up
from pipelines.embedded.nets.codec import PatchCodec
from pipelines.embedded.nets.denoiser import LikenessDenoiser
from pipelines.embedded.nets.person import PersonArrays
from pipelines.embedded.nets.reader import HeadFinder, ReferenceReader
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.packed import within
from pipelines.embedded.people.view import View
from pipelines.embedded.reading import Reading, person_of, read_pictures, to_pictures

_DRAWN = 8  # the buffers have so many pixels a side for each cell of the latents


class LikenessPipeline(DiffusionPipeline):  # type: ignore[misc]
    """`read` or `make_up` once for each person, then call it for each batch of views."""

    def __init__(
        self,
        *,
        vae: PatchCodec,
        denoiser: LikenessDenoiser,
        finder: HeadFinder,
        reader: ReferenceReader,
        person: PersonArrays,
        scheduler: FlowMatchEulerDiscreteScheduler,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae, denoiser=denoiser, finder=finder, reader=reader, person=person, scheduler=scheduler
        )
        arrays = person.arrays()
        self.drawer = Drawer.of(arrays)
        self.directions = Directions(**within(arrays, "directions"))
        self.correction = Correction(**within(arrays, "correction"))

    @property
    def size(self) -> int:
        """Side of its pictures in pixels. It can't make others."""
        return int(self.denoiser.config.cells * self.vae.config.patch)

    @torch.inference_mode()
    def read(self, references: Sequence[Image.Image], appearance: Appearance | None = None) -> Floats:
        """The code (CODE,) of the person whom all the references (RGB) show, as `appearance` has it changed."""
        pictures = to_pictures(references, self.size).to(self.device)
        reading = read_pictures(self.finder, self.reader, pictures)
        code = self.person_of(reading)
        if appearance is None:
            return code
        return as_described(code, appearance, self.drawer.coder, self.directions)

    def make_up(self, seed: int, appearance: Appearance) -> Floats:
        """The code (CODE,) of a person whom chance and `appearance` make. Call it in place of `read`."""
        return made_up(seed, appearance, self.drawer.coder, self.directions)

    def person_of(self, reading: Reading) -> Floats:
        """The code (CODE,) of the one person whom all that was read shows."""
        drawer = self.drawer
        return drawer.decided(person_of(reading, drawer.points, drawer.coder.prior(), self.correction))

    @torch.inference_mode()
    def __call__(
        self,
        code: Floats,
        views: Sequence[View],
        *,
        num_inference_steps: int = 8,
        guidance_scale: float = 1.0,
        generator: list[torch.Generator] | None = None,
        output_type: str = "pil",
        callback_on_step_end: Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]] | None = None,
    ) -> ImagePipelineOutput:
        """One picture of the person (CODE,) in each view.

        A guidance above 1 stresses the person over what all people share. `output_type` is "pil", or "latent"
        for `decode`. `generator` has one for each view.
        """
        told = [
            torch.from_numpy(part).to(self.device)
            for part in self.drawer.conditions(
                np.tile(code, (len(views), 1)), list(views), self.denoiser.config.cells * _DRAWN
            )
        ]
        cells = self.denoiser.config.cells
        shape = (len(views), self.denoiser.config.channels, cells, cells)
        latents = randn_tensor(shape, generator, self.device, torch.float32)
        sigmas = np.linspace(1, 1 / num_inference_steps, num_inference_steps)
        self.scheduler.set_timesteps(sigmas=sigmas, device=self.device)
        for index, timestep in enumerate(self.scheduler.timesteps):
            level = timestep / self.scheduler.config.num_train_timesteps
            clean = self._clean(latents, level.expand(len(views)), told, guidance_scale)
            # The model names the picture; the scheduler wants the way there.
            latents = self.scheduler.step((latents - clean) / level, timestep, latents, return_dict=False)[0]
            if callback_on_step_end:
                latents = callback_on_step_end(self, index, timestep, {"latents": latents})["latents"]
        if output_type == "latent":
            return ImagePipelineOutput(images=latents)
        pixels = self.decode(latents).add(1).mul(127.5).round().clamp(0, 255).byte()
        images = [Image.fromarray(picture) for picture in pixels.permute(0, 2, 3, 1).cpu().numpy()]
        return ImagePipelineOutput(images=images)

    def decode(self, latents: Tensor) -> Tensor:
        """(B, 3, S, S) from -1 to 1 of what the denoiser made."""
        mean, spread = (
            torch.tensor(part, device=latents.device)[:, None, None]
            for part in (self.vae.latents_mean, self.vae.latents_std)
        )
        pictures: Tensor = self.vae.decode(latents * spread + mean)
        return pictures

    def _clean(self, latents: Tensor, level: Tensor, told: list[Tensor], guidance: float) -> Tensor:
        known = torch.ones(len(latents), device=latents.device)
        if guidance == 1:
            clean: Tensor = self.denoiser(latents, level, *told, known)
            return clean
        twice = [torch.cat([part, part]) for part in (latents, level, *told)]
        person, anyone = self.denoiser(*twice, torch.cat([known, known * 0])).chunk(2)
        return torch.lerp(anyone, person, guidance)
