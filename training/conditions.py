"""A code and a view → what the denoiser is told: both vectors and the buffers drawn from them."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.people.assets import Textures
from training.people.buffers import draw_buffers
from training.people.code import Coder, part, read_looks, view_vector
from training.people.head import Head
from training.people.view import View
from training.people.wavefront import Floats


class Drawer:
    """Draws the buffers of codes. Needs only what `data.generate` has written, not MakeHuman's assets."""

    def __init__(self, folder: Path) -> None:
        self.head, self.coder = Head.load(folder / "head.npz"), Coder.load(folder)
        with np.load(folder / "textures.npz") as file:
            self.textures = Textures(**{name: file[name] for name in file.files})

    def buffers(self, codes: Floats, views: list[View], size: int) -> Floats:
        """(B, CHANNELS, size, size) of codes (B, CODE)"""
        bodies, looks = self.coder.split(codes)
        drawn = [
            draw_buffers(self.head, self.textures, body, *read_looks(vector), view, size)
            for body, vector, view in zip(bodies, looks, views, strict=True)
        ]
        return np.stack(drawn)

    def conditions(self, codes: Floats, views: list[View], size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Codes (B, CODE), view vectors (B, VIEW) and buffers (B, CHANNELS, size, size) as tensors."""
        vectors = np.stack([view_vector(view) for view in views])
        return (
            torch.from_numpy(codes),
            torch.from_numpy(vectors),
            torch.from_numpy(self.buffers(codes, views, size)),
        )

    def decided(self, code: Floats) -> Floats:
        """The code with its either-or parts decided: a reader says "70 % this brow", a person has one."""
        shape, standard = code[: self.coder.shape_size], code[self.coder.shape_size :]
        looks = standard * self.coder.looks_spread + self.coder.looks_mean
        for name in ("hair_style", "brow_style"):
            looks[part(name)] = np.eye(len(looks[part(name)]))[looks[part(name)].argmax()]
        if looks[part("mole")][0] < 0.5:
            looks[part("mole")] = 0.0
        standard = np.clip((looks - self.coder.looks_mean) / self.coder.looks_spread, -4, 4)
        return np.concatenate([shape, standard]).astype(np.float32)
