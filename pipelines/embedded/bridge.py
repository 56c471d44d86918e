"""A diffusion bridge: from a carried picture to a finished one in a few steps, with different noise for each seed.

A Brownian bridge connects both pictures. At level t, which is 1 at the carried picture and 0 at the finished one,
it is their mean, weighted by t, plus noise of spread `sigma · sqrt(t · (1 - t))`. This is as in I2SB (Liu et al.,
ICML 2023) and BBDM (Li et al., CVPR 2023), but `sigma` differs from place to place: it is small where references
show what is there, and larger where none does.
"""

from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

from pipelines.embedded.nets.finisher import FACTOR


class BridgeScheduler(SchedulerMixin, ConfigMixin):  # type: ignore[misc]  # their own config_name
    """The bridge's scheduler. `sure` is the noise where all comes from references, `unsure` where nothing does."""

    order = 1

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, sure: float = 0.05, unsure: float = 0.25) -> None:  # noqa: ARG002 - the decorator keeps them
        self.set_timesteps(2)

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """Sets `timesteps` (N,), the levels from 1 down. The last step ends at 0."""
        self.timesteps = torch.linspace(1, 0, num_inference_steps + 1)[:-1].to(device)
        self._next = torch.cat([self.timesteps[1:], self.timesteps.new_zeros(1)])

    def sigma(self, told: Tensor) -> Tensor:
        """The noise's spread (B, CHANNELS, C, C), from the finisher's conditioning (B, TOLD, C, C).

        There is no noise on the backdrop.
        """
        share, cover = told[:, : FACTOR**2], told[:, FACTOR**2 :].sum(1, keepdim=True).clamp(max=1)
        sigma: Tensor = cover * (self.config.unsure + (self.config.sure - self.config.unsure) * share)
        return sigma.repeat(1, 3, 1, 1)

    @staticmethod
    def between(finished: Tensor, carried: Tensor, level: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
        """The bridge between both pictures at `level` (B,), for training."""
        t = level[:, None, None, None]
        return (1 - t) * finished + t * carried + sigma * (t * (1 - t)).sqrt() * noise

    def step(self, finished: Tensor, index: int, sample: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
        """Goes from the level of step `index` to the next, given the picture that is expected at the end."""
        now, then = self.timesteps[index], self._next[index]
        spread = sigma * (then * (now - then) / now).clamp(min=0).sqrt()
        return finished + (then / now) * (sample - finished) + spread * noise
