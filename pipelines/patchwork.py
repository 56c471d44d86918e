"""A denoiser without weights: the closed-form optimum of a model that sees only patches.

A diffusion model that is trained to perfection on a few images and sees but a patch around each pixel has
a known answer: the average of the training patches, each weighted by how likely it would have become the
noisy patch (M. Kamb and S. Ganguli, "An analytic theory of creativity in convolutional diffusion models",
arXiv 2412.20292). Here the references of one job are the training set. So it recombines their patches;
it knows no faces.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - as all of torch's own examples have it
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from torch import Tensor


class PatchworkDenoiser(ModelMixin, ConfigMixin):  # type: ignore[misc]  # their own config_name
    """Predicts the clean image from a noisy one and candidate images. Nothing is learnt.

    `coarsest` and `finest` are the patch sides at noise level 1 and 0, as parts of the image's side.
    A patch counts as `evidence` independent values, fewer than it has, and noise as `blur` at least: without
    the two, one reference would win every patch outright and show its seams.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self, coarsest: float = 0.3, finest: float = 0.03, evidence: float = 8.0, blur: float = 0.25
    ) -> None:
        super().__init__()
        self.coarsest, self.finest, self.evidence, self.blur = coarsest, finest, evidence, blur
        offsets = [[0, 0], [0, 1], [0, -1], [1, 0], [-1, 0]]
        self.register_buffer("offsets", torch.tensor(offsets), persistent=False)

    def forward(self, sample: Tensor, sigma: float, candidates: Tensor, log_prior: Tensor) -> Tensor:
        """The expected clean image, (1, 3, S, S).

        `sample` is `(1 - sigma) * clean + sigma * noise`, (1, 3, S, S), and `candidates` are (N, 3, S, S) with
        their `log_prior`, (N,).
        """
        size = sample.shape[-1]
        side = size * (self.finest + (self.coarsest - self.finest) * sigma)
        shift = max(1, round(side / 12))
        # Wide patches are compared on a coarser raster: the weights vary slowly there.
        raster = 2 ** max(0, int(side / 8).bit_length() - 1)
        window = max(3, round(side / raster) | 1)
        keep = 1 - sigma
        moved = torch.cat(
            [candidates.roll((shift * dy, shift * dx), (-2, -1)) for dy, dx in self.offsets.tolist()]
        )
        # |sample - keep * candidate|² without the term that all candidates share.
        cost = (moved * (keep * keep * moved - 2 * keep * sample)).sum(1, keepdim=True)
        if raster > 1:
            cost = F.avg_pool2d(cost, raster)
        half = window // 2
        cost = F.pad(cost, (half, half, half, half), mode="replicate")
        cost = F.avg_pool2d(F.avg_pool2d(cost, (window, 1), 1), (1, window), 1)
        logits = cost * (-self.evidence / (2 * max(sigma, self.blur) ** 2))
        logits = logits + log_prior.repeat(len(self.offsets))[:, None, None, None]
        weights = logits.softmax(0)
        if raster > 1:
            weights = F.interpolate(weights, (size, size), mode="bilinear")
        clean: Tensor = (weights * moved).sum(0, keepdim=True)
        return clean


class PatchworkPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Noise to image with a `PatchworkDenoiser`, along the probability flow ODE."""

    def __init__(self, denoiser: PatchworkDenoiser, scheduler: FlowMatchEulerDiscreteScheduler) -> None:
        super().__init__()
        self.register_modules(denoiser=denoiser, scheduler=scheduler)

    @torch.inference_mode()
    def __call__(
        self,
        candidates: Tensor,
        log_prior: Tensor,
        generator: torch.Generator,
        num_inference_steps: int,
        on_step: Callable[[int], None],
    ) -> Tensor:
        """One image, (3, S, S), of `candidates` (N, 3, S, S). `on_step` gets the number of steps done."""
        noise = torch.randn((1, *candidates.shape[1:]), generator=generator)
        sample = noise.to(candidates.device)
        self.scheduler.set_timesteps(num_inference_steps)
        for done, timestep in enumerate(self.scheduler.timesteps, start=1):
            sigma = float(self.scheduler.sigmas[done - 1])
            clean = self.denoiser(sample, sigma, candidates, log_prior)
            velocity = (sample - clean) / sigma
            sample = self.scheduler.step(velocity, timestep, sample, return_dict=False)[0]
            on_step(done)
        return sample[0]
