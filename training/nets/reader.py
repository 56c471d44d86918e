"""The reference encoder: one picture → where the head is, and the code of whom it shows.

First a small network finds the head in a thumbnail; then a larger one reads a crop around it, so that it
sees a face at the same size in a close-up and in a half-body shot. Codes of several references are averaged.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from training.nets.blocks import Residual

THUMBNAIL = 64
CROP = 128


class HeadFinder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Thumbnails (B, 3, 64, 64) → boxes (B, 3): the head's centre x, y and side, in parts of the picture's side."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, width, 3, padding=1),
            Residual(width),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            Residual(2 * width),
            nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1),
            Residual(2 * width),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(2 * width * 64, 128),
            nn.SiLU(),
            nn.Linear(128, 3),
        )

    def forward(self, thumbnails: Tensor) -> Tensor:
        found = self.body(thumbnails)
        return torch.cat([0.5 + 0.2 * found[:, :2], 0.8 * torch.exp(0.3 * found[:, 2:])], 1)


class ReferenceReader(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Crops (B, 3, 128, 128) from -1 to 1 → codes (B, code) and what it guesses of the view (B, view)."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self, code: int, view: int, widths: tuple[int, ...] = (40, 80, 144, 208), hidden: int = 448
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, widths[0], 3, padding=1),
            Residual(widths[0]),
        ]
        for narrow, wide in pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 3, stride=2, padding=1), Residual(wide), Residual(wide)]
        layers += [nn.GroupNorm(8, widths[-1]), nn.SiLU(), nn.Conv2d(widths[-1], 48, 1)]
        self.body = nn.Sequential(*layers)
        side = CROP // 2 ** len(widths)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(48 * side * side, hidden),
            nn.SiLU(),
            nn.Dropout(0.1),
            nn.Linear(hidden, code + view),
        )
        self.code = code

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        read = self.head(self.body(crops))
        return read[:, : self.code], read[:, self.code :]


def crop(pictures: Tensor, boxes: Tensor, size: int = CROP) -> Tensor:
    """The square `boxes` (B, 3) of pictures (B, 3, S, S), resampled to (B, 3, size, size); grey outside."""
    half = boxes[:, 2:]
    theta = torch.zeros(len(boxes), 2, 3, device=boxes.device)
    theta[:, 0, 0] = theta[:, 1, 1] = half[:, 0]
    theta[:, :, 2] = boxes[:, :2] * 2 - 1
    places = F.affine_grid(theta, [len(boxes), 3, size, size], align_corners=False)
    return F.grid_sample(pictures, places, mode="bilinear", padding_mode="zeros", align_corners=False)
