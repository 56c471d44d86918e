"""The pipeline in diffusers' form: a person and views in, pictures out.

A picture starts as the person's references carried into the view (`carry`), and a diffusion bridge finishes it.
Places that no reference shows start as a drawing. For a made-up person, that is the whole picture.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline, ImagePipelineOutput
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from models.influencer import Appearance
from pipelines.embedded.appearance import Directions
from pipelines.embedded.bridge import BridgeScheduler
from pipelines.embedded.carry.carrier import Carried, Carrier
from pipelines.embedded.correction import Correction
from pipelines.embedded.finishing import told_to_finisher, unshuffled
from pipelines.embedded.made_up import made_up
from pipelines.embedded.nets.finisher import FACTOR, Finisher
from pipelines.embedded.nets.person import PersonArrays
from pipelines.embedded.nets.reader import HeadFinder, ReferenceReader
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.packed import within
from pipelines.embedded.people.view import View
from pipelines.embedded.person import Person, Shown, person_shown
from pipelines.embedded.reading import Reading, person_of, read_pictures, to_pictures

SIZE = 512
"""Pixels a side, by default."""
READ_AT = 256
"""Pixels a side at which references are read."""
OnStepEnd = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]
"""diffusers' `callback_on_step_end`: pipeline, index of the step, timestep, tensors."""
_DRAWN_AT_ONCE = 2  # numpy lets other threads run for most of a drawing


class LikenessPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Renders a person in views. Call `read` or `make_up` once per person, then this once per batch of views."""

    def __init__(
        self,
        *,
        finisher: Finisher,
        finder: HeadFinder,
        reader: ReferenceReader,
        person: PersonArrays,
        scheduler: BridgeScheduler,
    ) -> None:
        super().__init__()
        self.register_modules(
            finisher=finisher, finder=finder, reader=reader, person=person, scheduler=scheduler
        )
        arrays = person.arrays()
        self.drawer = Drawer.of(arrays)
        self.directions = Directions(**within(arrays, "directions"))
        self.correction = Correction(**within(arrays, "correction"))

    @torch.inference_mode()
    def read(
        self, references: Sequence[Image.Image], appearance: Appearance | None = None, size: int = SIZE
    ) -> Person:
        """Reads the person that all the references (RGB) show, changed as `appearance` states.

        References are carried with `size` pixels a side: the size of the pictures to come.
        """
        reading = read_pictures(self.finder, self.reader, to_pictures(references, READ_AT).to(self.device))
        pictures = to_pictures(references, size).add(1).div(2).permute(0, 2, 3, 1).numpy()
        return person_shown(
            self.drawer,
            self.directions,
            self.code_of(reading),
            Shown(reading, [np.ascontiguousarray(picture) for picture in pictures]),
            appearance or Appearance(),
        )

    def make_up(self, seed: int, appearance: Appearance) -> Person:
        """Makes up a person from a seed and `appearance`. Call it instead of `read`."""
        code = made_up(seed, appearance, self.drawer.coder, self.directions)
        return Person(Carrier.of(self.drawer, code))

    def code_of(self, reading: Reading) -> Floats:
        """The code (CODE,) of the one person in a reading."""
        drawer = self.drawer
        return drawer.decided(person_of(reading, drawer.points, drawer.coder.prior(), self.correction))

    @torch.inference_mode()
    def __call__(
        self,
        person: Person,
        views: Sequence[View],
        *,
        size: int = SIZE,
        num_inference_steps: int = 2,
        generator: list[torch.Generator] | None = None,
        output_type: str = "pil",
        callback_on_step_end: OnStepEnd | None = None,
    ) -> ImagePipelineOutput:
        """Renders one picture of the person in each view, `size` pixels a side: a multiple of 16.

        `output_type` is "pil", or "latent" for `decode`. `generator` has one for each view.
        """
        latents = self.finish(
            self.carried(person, views, size), num_inference_steps, generator, callback_on_step_end
        )
        if output_type == "latent":
            return ImagePipelineOutput(images=latents)
        pixels = self.decode(latents).add(1).mul(127.5).round().clamp(0, 255).byte()
        images = [Image.fromarray(picture) for picture in pixels.permute(0, 2, 3, 1).cpu().numpy()]
        return ImagePipelineOutput(images=images)

    def carried(self, person: Person, views: Sequence[View], size: int) -> list[Carried]:
        """Carries the person into each view: the pictures that the bridge starts from."""
        with ThreadPoolExecutor(_DRAWN_AT_ONCE) as pool:
            return list(pool.map(lambda view: person.carrier.picture(view, size), views))

    @torch.inference_mode()
    def finish(
        self,
        begun: Sequence[Carried],
        steps: int,
        generator: list[torch.Generator] | None = None,
        callback_on_step_end: OnStepEnd | None = None,
    ) -> Tensor:
        """Takes carried pictures over the bridge. Returns latents (B, CHANNELS, C, C)."""
        carried = torch.from_numpy(np.stack([unshuffled(one.picture) for one in begun])).mul(2).sub(1)
        told = torch.from_numpy(np.stack([told_to_finisher(one) for one in begun]))
        carried, told = (part.to(self.device, self.finisher.dtype) for part in (carried, told))
        self.scheduler.set_timesteps(steps, device=self.device)
        sigma = self.scheduler.sigma(told)
        latents = carried
        for index, level in enumerate(self.scheduler.timesteps):
            finished = self.finisher(latents, level.expand(len(begun)), carried, told)
            noise = randn_tensor(carried.shape, generator, self.device, carried.dtype)
            latents = self.scheduler.step(finished, index, latents, sigma, noise)
            if callback_on_step_end:
                latents = callback_on_step_end(self, index, level, {"latents": latents})["latents"]
        return latents

    @staticmethod
    def decode(latents: Tensor) -> Tensor:
        """Turns the bridge's latents into pixels (B, 3, S, S) from -1 to 1."""
        return torch.nn.functional.pixel_shuffle(latents, FACTOR)
