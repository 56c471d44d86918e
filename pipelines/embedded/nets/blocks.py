"""The building blocks of the networks."""

import torch
import torch.nn.functional as F  # noqa: N812 - as all of torch's own examples have it
from torch import Tensor, nn


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """Sets a layer to zero, so that a new residual branch has no effect at first."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Residual(nn.Module):
    """A residual block of two 3 by 3 convolutions. With `told`, a vector of that size scales and shifts between."""

    def __init__(self, width: int, told: int = 0) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.between = nn.GroupNorm(8, width)
        self.second = zeroed(nn.Conv2d(width, width, 3, padding=1))
        self.tell = nn.Linear(told, 2 * width) if told else None

    def forward(self, x: Tensor, vector: Tensor | None = None) -> Tensor:
        y = self.between(self.first(F.silu(self.norm(x))))
        if self.tell is not None and vector is not None:
            scale, shift = self.tell(vector)[:, :, None, None].chunk(2, 1)
            y = y * (1 + scale) + shift
        out: Tensor = x + self.second(F.silu(y))
        return out


def grid(size: int) -> Tensor:
    """The position of each cell, (1, 2, size, size), from -1 to 1: convolutions don't know it by themselves."""
    line = (torch.arange(size) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y])[None]
