"""The denoiser: noisy latents, a code, a view and the buffers drawn from them → clean latents.

The code stands for the references; the buffers (`people.buffers`) say where things are in this view. Both
reach a UNet of diffusers': the vectors through its time embedding, the buffers as input channels. A direct
path from the buffers to the output leaves the UNet only what they don't tell.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from pipelines.embedded.nets.blocks import Residual, grid, zeroed


class LikenessDenoiser(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Latents are (B, channels, cells, cells); buffers (B, buffers, 8·cells, 8·cells)."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        *,
        code: int,
        view: int,
        buffers: int = 15,
        channels: int = 40,
        cells: int = 16,
        widths: tuple[int, ...] = (128, 224),
        hidden: int = 512,
        fine: int = 64,
        drawn: int = 128,
    ) -> None:
        super().__init__()
        time = widths[0] * 4
        self.told = nn.Sequential(
            nn.Linear(code + view, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
        )
        self.to_time = nn.Linear(hidden, time)
        self.nobody = nn.Parameter(torch.zeros(code))
        # 8·cells → 2·cells → cells: what a latent cell covers, gathered with what is known of colours and light.
        self.gather = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(buffers * 16, fine, 3, padding=1))
        self.near = Residual(fine, hidden)
        self.fold = nn.Conv2d(fine, drawn, 4, stride=2, padding=1)
        self.far = nn.ModuleList([Residual(drawn, hidden), Residual(drawn, hidden)])
        self.direct = zeroed(nn.Conv2d(drawn, channels, 3, padding=1))
        self.register_buffer("grid", grid(cells), persistent=False)
        down = ("DownBlock2D",) * len(widths)
        self.unet = UNet2DConditionModel(
            sample_size=cells,
            in_channels=channels + drawn + 2,
            out_channels=channels,
            down_block_types=down,
            up_block_types=("UpBlock2D",) * len(widths),
            mid_block_type="UNetMidBlock2D",
            block_out_channels=widths,
            layers_per_block=1,
            norm_num_groups=16,
            class_embed_type="identity",
            resnet_time_scale_shift="scale_shift",
        )
        zeroed(self.unet.conv_out)

    def forward(  # noqa: PLR0917 - as diffusers calls its models
        self, noisy: Tensor, level: Tensor, code: Tensor, view: Tensor, buffers: Tensor, known: Tensor
    ) -> Tensor:
        """The expected clean latents. `level` (B,) is the noise's part, 0 to 1.

        Where `known` (B,) is 0, the references are left out, buffers and all: for classifier-free guidance.
        """
        known = known[:, None].to(code.dtype)
        code = code * known + self.nobody * (1 - known)
        vector = self.told(torch.cat([code, view], 1))
        drawn = self.fold(F.silu(self.near(self.gather(buffers * known[:, :, None, None]), vector)))
        for block in self.far:
            drawn = block(drawn, vector)
        drawn = F.silu(drawn)
        where = self.grid.to(noisy.dtype).expand(len(noisy), -1, -1, -1)
        joined = torch.cat([noisy, drawn.to(noisy.dtype), where], 1).contiguous(
            memory_format=torch.channels_last
        )
        rest = self.unet(joined, level * 1000, None, class_labels=self.to_time(vector), return_dict=False)[0]
        clean: Tensor = rest + self.direct(drawn)
        return clean
