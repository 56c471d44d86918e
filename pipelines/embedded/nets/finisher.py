"""The denoiser of the bridge: predicts the finished picture from one between the carried and the finished one.

Both are unshuffled by `FACTOR`, so that a picture of 512 pixels is 128 cells of 48 numbers, and convolutions are
cheap. The network sees in the carried picture what carrying gets right, and learns the rest.
"""

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from pipelines.embedded.nets.blocks import Residual, zeroed

FACTOR = 4
CHANNELS = 3 * FACTOR**2
KINDS = 5
TOLD = FACTOR**2 + KINDS
"""Numbers of conditioning for each cell: how much of each of its pixels comes from references, and how much of the
cell is face, hair, cloth, eye, mouth."""
_LEVELS = 16  # sines and cosines of the level


class Finisher(ModelMixin, ConfigMixin):  # type: ignore[misc]  # their own config_name
    """A UNet. Cells a side must be a multiple of 2 ** (len(widths) - 1)."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, widths: tuple[int, ...] = (48, 96, 160), blocks: int = 2, hidden: int = 128) -> None:
        super().__init__()
        self.level = nn.Sequential(
            nn.Linear(2 * _LEVELS, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
        )
        self.start = nn.Conv2d(2 * CHANNELS + TOLD, widths[0], 3, padding=1)

        def stage(width: int) -> nn.ModuleList:
            return nn.ModuleList(Residual(width, hidden) for _ in range(blocks))

        self.down = nn.ModuleList(stage(width) for width in widths)
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(stage(width) for width in widths[:-1])
        self.widen = nn.ModuleList(nn.Conv2d(b, a * 4, 1) for a, b in pairwise(widths))
        self.join = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[:-1])
        self.settle = nn.GroupNorm(8, widths[0])
        self.end = zeroed(nn.Conv2d(widths[0], CHANNELS, 3, padding=1))

    def forward(self, noisy: Tensor, level: Tensor, carried: Tensor, told: Tensor) -> Tensor:
        """Predicts the finished picture.

        `noisy` and `carried` (B, CHANNELS, C, C) are about -1 to 1; `level` (B,) is 1 at the carried picture and 0
        at the finished one; `told`, the conditioning (B, TOLD, C, C), is from 0 to 1.
        """
        vector = self.level(_waves(level).to(noisy.dtype))
        x = self.start(
            torch.cat([noisy - carried, carried, told], 1).contiguous(memory_format=torch.channels_last)
        )
        passed = []
        for number, stage in enumerate(self.down):
            x = _through(stage, x, vector)
            if number < len(self.narrow):
                passed.append(x)
                x = self.narrow[number](x)
        for number in reversed(range(len(self.up))):
            wide = F.pixel_shuffle(self.widen[number](x), 2)
            x = self.join[number](torch.cat([wide, passed.pop()], 1))
            x = _through(self.up[number], x, vector)
        finished: Tensor = carried + self.end(F.silu(self.settle(x)))
        return finished


def _through(stage: Any, x: Tensor, vector: Tensor) -> Tensor:
    for block in stage:
        x = block(x, vector)
    return x


def _waves(level: Tensor) -> Tensor:
    """(B,) → (B, 2 · _LEVELS)"""
    turns = level.float()[:, None] * torch.pi * (torch.arange(_LEVELS, device=level.device) + 1) / 2
    return torch.cat([turns.sin(), turns.cos()], 1)
