"""From noise to pictures with the trained networks, as the pipeline will do it."""

from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from pipelines.embedded.nets.codec import PatchCodec
from pipelines.embedded.nets.denoiser import LikenessDenoiser
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import view_vector
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.view import View
from training.autoencoder import load_codec
from training.conditions import conditions, load_drawer
from training.denoiser import buffer_size, new_denoiser
from training.latents import load_latents
from training.steps import Workspace


@dataclass(frozen=True)
class Sampler:
    space: Workspace
    codec: PatchCodec
    denoiser: LikenessDenoiser
    drawer: Drawer
    mean: Tensor  # (C, 1, 1) of the latents
    spread: Tensor

    @torch.no_grad()
    def pictures(
        self, codes: Floats, views: list[View], *, seed: int = 0, steps: int = 8, guidance: float = 1.0
    ) -> np.ndarray:
        """(B, S, S, 3) bytes of codes (B, CODE) in `views`. Guidance above 1 stresses the references."""
        code, view, buffers = conditions(self.drawer, codes, views, buffer_size(self.space))
        cells = self.space.recipe.size // 16
        shape = (len(codes), len(self.mean), cells, cells)
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        levels = torch.linspace(1, 0, steps + 1)
        known = torch.ones(len(codes))
        for now, then in zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True):
            level = torch.full((len(codes),), now)
            with torch.autocast("cpu", torch.bfloat16):
                clean = self.denoiser(latents, level, code, view, buffers, known).float()
                if guidance != 1:
                    nobody = self.denoiser(latents, level, code, view, buffers, known * 0).float()
                    clean = nobody + guidance * (clean - nobody)
            latents = clean + (latents - clean) * (then / now)
        return self.decode(latents)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Latents as the denoiser knows them → (B, S, S, 3) bytes."""
        with torch.autocast("cpu", torch.bfloat16):
            made = torch.cat([self.codec.decode(part * self.spread + self.mean) for part in latents.split(8)])  # type: ignore[no-untyped-call]
        pictures = ((made.float().clamp(-1, 1) + 1) * 127.5).round().byte()
        return pictures.permute(0, 2, 3, 1).contiguous().numpy()


def load_sampler(space: Workspace, checkpoint: bool = False) -> Sampler:
    """With `checkpoint`, the running mean of a denoiser that is still being trained."""
    drawer = load_drawer(space.data)
    view = len(view_vector(space.held_out(pictures=False).view(0)))
    denoiser = new_denoiser(space, drawer, view)
    if checkpoint:
        kept = load_file(space.root / "denoiser/checkpoint.safetensors")
        weights = {name[5:]: value for name, value in kept.items() if name.startswith("mean.")}
    else:
        weights = load_file(space.root / "denoiser/mean.safetensors")
    denoiser.load_state_dict(weights)
    denoiser.eval().to(memory_format=torch.channels_last)
    _, mean, spread = load_latents(space, "held_out")
    return Sampler(
        space, load_codec(space), denoiser, drawer, torch.from_numpy(mean), torch.from_numpy(spread)
    )
