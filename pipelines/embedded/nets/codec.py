"""The autoencoder: a linear patch codec, started from principal components, plus convolutions that correct it.

Started at random, a small autoencoder stays blurred for hours. Principal components are the best linear
code from the first step on; the convolutions begin as nothing and learn what a linear code can't do.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from pipelines.embedded.nets.blocks import Residual, zeroed


class PatchCodec(ModelMixin, ConfigMixin):  # type: ignore[misc]  # their own config_name
    """Pictures (B, 3, S, S) from -1 to 1 ↔ latents (B, channels, S / patch, S / patch), about unit variance."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        *,
        channels: int = 40,
        patch: int = 16,
        coarse: int = 160,
        middle: int = 96,
        fine: int = 48,
        latents_mean: tuple[float, ...] = (),
        latents_std: tuple[float, ...] = (),
    ) -> None:
        """`latents_mean` and `latents_std` (channels,) are for whoever wants latents of exactly unit variance."""
        super().__init__()
        self.patch, self.latents_mean, self.latents_std = patch, latents_mean, latents_std
        self.to_code = nn.Conv2d(3, channels, patch, stride=patch)
        self.from_code = nn.ConvTranspose2d(channels, 3, patch, stride=patch, bias=False)
        self.register_buffer("mean_patch", torch.zeros(3, patch, patch))
        side = patch // 4  # the convolutions work at S/4, S/8 and S/patch
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, fine, 3, padding=1),
            Residual(fine),
            nn.Conv2d(fine, middle, 3, stride=2, padding=1),
            Residual(middle),
            nn.Conv2d(middle, coarse, side // 2 + 1, stride=side // 2, padding=side // 4),
            Residual(coarse),
            zeroed(nn.Conv2d(coarse, channels, 3, padding=1)),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(channels, coarse, 3, padding=1),
            Residual(coarse),
            Residual(coarse),
            nn.Conv2d(coarse, middle * (side // 2) ** 2, 1),
            nn.PixelShuffle(side // 2),
            Residual(middle),
            Residual(middle),
            nn.Conv2d(middle, fine * 4, 1),
            nn.PixelShuffle(2),
            Residual(fine),
            Residual(fine),
            zeroed(nn.Conv2d(fine, 48, 3, padding=1)),
            nn.PixelShuffle(4),
        )

    def encode(self, pictures: Tensor) -> Tensor:
        code: Tensor = self.to_code(pictures) + self.encoder(pictures)
        return code

    def decode(self, latents: Tensor) -> Tensor:
        rows, columns = latents.shape[-2:]
        linear = self.from_code(latents) + self.mean_patch.repeat(1, rows, columns)[None]
        pictures: Tensor = linear + self.decoder(latents)
        return pictures

    def forward(self, pictures: Tensor) -> Tensor:
        return self.decode(self.encode(pictures))

    @torch.no_grad()
    def start_from(self, pictures: Tensor) -> float:
        """Sets the linear codec to the principal components of the pictures' patches; returns its PSNR there."""
        p, channels = self.patch, self.to_code.out_channels
        patches = F.unfold(pictures, p, stride=p).transpose(1, 2).reshape(-1, 3 * p * p).double()
        mean = patches.mean(0)
        values, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
        axes = vectors.flip(1)[:, :channels].T
        spread = values.flip(0)[:channels].clamp(min=1e-8).sqrt()
        self.to_code.weight.copy_((axes / spread[:, None]).reshape(channels, 3, p, p))
        if self.to_code.bias is not None:
            self.to_code.bias.copy_(-(axes @ mean) / spread)
        self.from_code.weight.copy_((axes * spread[:, None]).reshape(channels, 3, p, p))
        self.mean_patch.copy_(mean.reshape(3, p, p))
        lost = values.flip(0)[channels:].sum().item() / (3 * p * p)
        return float(-10 * np.log10(max(lost, 1e-12) / 4))
