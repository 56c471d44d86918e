"""The profile `embedded`: renders on a CPU, at once, without any weights.

It recombines patches of the references (`pipelines.patchwork`) after moving, mirroring and lighting them
for the shot (`pipelines.staging`). It knows no faces and can't turn a head or change an expression: a shot
acts through the choice of references, a slight warp, the framing, the light and the background. Appearance
can't act at all. Use it to try the worker and to test it, not to make a persona's images.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Self

import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from PIL import Image

from models.influencer import Appearance
from models.manifest import RenderInfo
from pipelines.patchwork import PatchworkDenoiser, PatchworkPipeline
from pipelines.protocol import PlannedShot, ReferencePipeline, RenderedImage, Setup, Sink, Step
from pipelines.references import thinned
from pipelines.staging import stage, to_image, to_tensor


class Embedded(ReferencePipeline):
    """Square RGB images, in a dozen denoising steps each."""

    def __init__(self, setup: Setup) -> None:
        self.plan = setup.plan
        self._pipeline = PatchworkPipeline(PatchworkDenoiser(), FlowMatchEulerDiscreteScheduler())
        self._pipeline.to(setup.device.torch)

    @classmethod
    def load(cls, setup: Setup) -> Self:
        return cls(setup)

    def render(
        self,
        references: Sequence[Image.Image],
        appearance: Appearance,  # noqa: ARG002 - there is no text in this model
        shots: Sequence[PlannedShot],
        sink: Sink,
    ) -> None:
        used = [
            to_tensor(image, self.plan.size)
            for image in thinned(references, self.plan.profile.most_references)
        ]
        for planned in shots:
            sink.image(self._render(used, planned, sink))

    @torch.inference_mode()
    def _render(self, references: Sequence[torch.Tensor], planned: PlannedShot, sink: Sink) -> RenderedImage:
        # On the CPU, so that one seed means one image on every device.
        generator = torch.Generator().manual_seed(planned.seed)
        candidates, log_prior = stage(references, planned.shot, generator)
        device = self._pipeline.device
        clean = self._pipeline(
            candidates.to(device),
            log_prior.to(device),
            generator,
            num_inference_steps=self.plan.steps,
            on_step=lambda done: sink.step(Step(planned.shot.name, done, self.plan.steps)),
        )
        return RenderedImage(planned.shot.name, planned.seed, to_image(clean.cpu()))

    def info(self) -> RenderInfo:
        return RenderInfo(
            profile=self.plan.profile.name,
            pipeline=type(self._pipeline).__name__,
            steps=self.plan.steps,
            dtype="float32",
            device=str(self._pipeline.device),
            versions={name: version(name) for name in ("torch", "diffusers", "likeness")},
        )
