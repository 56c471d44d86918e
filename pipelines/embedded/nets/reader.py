"""The reference encoder: finds the head in a picture, points of the face, and the person's looks.

First a small network finds the head in a thumbnail; then a larger one reads a crop around it, so that it
sees a face at the same size in a close-up and in a half-body shot. `reading` turns the result into a code.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from pipelines.embedded.nets.blocks import Residual, grid

THUMBNAIL = 64
CROP = 128
EACH = 4  # the looks are read from the features at one of this many points
AROUND = 4  # and from those of this many parts of the crop a side: hair has no points


class HeadFinder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Finds the head in thumbnails (B, 3, 64, 64). A box (3,) is its centre x, y and its side, as fractions of the
    picture's side."""

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
            nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1),
            Residual(2 * width),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(2 * width * 16, 128),
            nn.SiLU(),
            nn.Linear(128, 3),
        )

    def forward(self, thumbnails: Tensor) -> Tensor:
        found = self.body(thumbnails)
        return torch.cat([0.5 + 0.2 * found[:, :2], 0.8 * torch.exp(0.3 * found[:, 2:])], 1)


class ReferenceReader(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Reads points of the face and the looks of a code from crops (B, 3, 128, 128) from -1 to 1.

    For each point, a map says where in the crop to look, and the features there give its exact place. The points
    lie on the same places of every face, so the looks are then read from the features there: brows at the brows.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        looks: int,
        points: int,
        widths: tuple[int, ...] = (40, 80, 144, 208),
        risen: tuple[int, ...] = (128, 96),
        hidden: int = 160,
    ) -> None:
        super().__init__()
        self.looks, self.points = looks, points
        self.start = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(12, widths[0], 3, padding=1), Residual(widths[0])
        )
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(narrow, wide, 3, stride=2, padding=1), Residual(wide), Residual(wide))
            for narrow, wide in pairwise(widths)
        )
        below = widths[-1:] + risen
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(low + beside, out, 3, padding=1), Residual(out))
            for low, beside, out in zip(below, widths[-2::-1], risen, strict=False)
        )
        self.settle = nn.Sequential(nn.GroupNorm(8, risen[-1]), nn.SiLU())
        self.look = nn.Conv2d(risen[-1], points, 1)
        self.usual = nn.Parameter(torch.full((points, 2), 0.5))
        self.usual_spread = nn.Parameter(torch.full((points, 2), 0.2))
        self.say = nn.Parameter(torch.randn(points, risen[-1], 3) * 0.02)
        heard = len(range(0, points, EACH)) * risen[-1] + AROUND**2 * risen[-1]
        self.tell = nn.Sequential(
            nn.Dropout(0.1), nn.Linear(heard, hidden), nn.SiLU(), nn.Dropout(0.1), nn.Linear(hidden, looks)
        )
        side = CROP // 2 ** (len(widths) - len(risen))
        self.register_buffer("cells", (grid(side) + 1)[0].flatten(1).T / 2, persistent=False)

    @torch.no_grad()
    def start_from(self, places: Tensor) -> None:
        """Sets where points are expected, from `places` (N, points, 2) as fractions of the crop's side."""
        self.usual.copy_(places.mean(0))
        self.usual_spread.copy_(places.std(0))

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns places (B, points, 2) as fractions of the crop's side, log of their spread (B, points), looks
        (B, looks), and where it looked for each point: log of the cells' shares, (B, points, 32, 32).
        """
        levels = [self.start(crops)]
        for block in self.down:
            levels.append(block(levels[-1]))
        x = levels.pop()
        for block in self.up:
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), levels.pop()], 1))
        x = self.settle(x)
        with torch.autocast(crops.device.type, enabled=False):
            away = (self.cells - self.usual[:, None]) / self.usual_spread[:, None]
            expected = -0.5 * away.square().sum(2)
            looked = (self.look(x.float()).flatten(2) + expected).log_softmax(2)
            share = looked.exp()
            # The mean of all cells' outputs, weighted by how much each is looked at. The output is linear in the
            # features, so it can be computed after the mean.
            heard = share @ x.float().flatten(2).transpose(1, 2)
            said = torch.einsum("bkc,kco->bko", heard, self.say)
            places = share @ self.cells + said[..., :2]
        around = F.adaptive_avg_pool2d(x, AROUND)
        looks = self.tell(torch.cat([heard[:, ::EACH].flatten(1), around.flatten(1).float()], 1))
        return places, said[..., 2] - 3, looks, looked.unflatten(2, x.shape[2:])


def thumbnails(pictures: Tensor) -> Tensor:
    """Shrinks pictures (B, 3, S, S) to thumbnails (B, 3, 64, 64)."""
    return F.interpolate(pictures, (THUMBNAIL, THUMBNAIL), mode="area")


def crop(pictures: Tensor, boxes: Tensor, size: int = CROP) -> Tensor:
    """Cuts the square `boxes` (B, 3) out of pictures (B, 3, S, S), as (B, 3, size, size); grey outside."""
    half = boxes[:, 2:]
    theta = torch.zeros(len(boxes), 2, 3, device=boxes.device)
    theta[:, 0, 0] = theta[:, 1, 1] = half[:, 0]
    theta[:, :, 2] = boxes[:, :2] * 2 - 1
    places = F.affine_grid(theta, [len(boxes), 3, size, size], align_corners=False)
    return F.grid_sample(pictures, places, mode="bilinear", padding_mode="zeros", align_corners=False)
