"""The profile `embedded`: renders on a CPU, at once, without any weights.

It recombines patches of the references (`pipelines.patchwork`) after moving, mirroring and lighting them
for the shot (`pipelines.staging`). It knows no faces and can't turn a head or change an expression: a shot
acts through the choice of references, a slight warp, the framing, the light and the background. Appearance
can't act at all. Use it to try the worker and to test it, not to make a persona's images.
"""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import ClassVar, Self

import diffusers
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from PIL import Image

from models.influencer import Appearance
from models.manifest import RenderInfo
from pipelines.patchwork import PatchworkDenoiser, PatchworkPipeline
from pipelines.protocol import OnStep, PlannedShot, ReferencePipeline, RenderedImage, Step
from pipelines.registry import profile_named
from pipelines.staging import stage, to_image, to_tensor

MOST_REFERENCES = 8
"""More are thinned out evenly: they would cost time and change little."""


class Embedded(ReferencePipeline):
    """Square RGB images of `size` pixels a side, in `steps` denoising steps each."""

    profile: ClassVar[str] = "embedded"

    def __init__(self, device: str, size: int | None = None, steps: int = 12) -> None:
        self.size = size or profile_named(self.profile).size
        self.steps = steps
        self._pipeline = PatchworkPipeline(PatchworkDenoiser(), FlowMatchEulerDiscreteScheduler()).to(device)

    @classmethod
    def load(cls, device: str) -> Self:
        return cls(device)

    def render(
        self,
        references: Sequence[Image.Image],
        appearance: Appearance,  # noqa: ARG002 - there is no text in this model
        shots: Sequence[PlannedShot],
        on_step: OnStep,
    ) -> Iterator[RenderedImage]:
        count = min(len(references), MOST_REFERENCES)
        used = [to_tensor(references[i * len(references) // count], self.size) for i in range(count)]
        for planned in shots:
            yield self._render(used, planned, on_step)

    @torch.inference_mode()
    def _render(
        self, references: Sequence[torch.Tensor], planned: PlannedShot, on_step: OnStep
    ) -> RenderedImage:
        # On the CPU, so that one seed means one image on every device.
        generator = torch.Generator().manual_seed(planned.seed)
        candidates, log_prior = stage(references, planned.shot, generator)
        device = self._pipeline.device
        clean = self._pipeline(
            candidates.to(device),
            log_prior.to(device),
            generator,
            num_inference_steps=self.steps,
            on_step=lambda done: on_step(Step(planned.shot.name, done, self.steps)),
        )
        return RenderedImage(planned.shot.name, planned.seed, to_image(clean.cpu()))

    def info(self) -> RenderInfo:
        return RenderInfo(
            profile=self.profile,
            pipeline=type(self._pipeline).__name__,
            steps=self.steps,
            dtype="float32",
            device=str(self._pipeline.device),
            versions={
                "torch": torch.__version__,
                "diffusers": diffusers.__version__,
                "likeness": version("likeness"),
            },
        )
