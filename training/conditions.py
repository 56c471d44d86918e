"""What the denoiser is told, as tensors, drawn from the files that `data.generate` has written."""

from pathlib import Path

import torch
from torch import Tensor

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.points import Points, choose_points
from pipelines.embedded.people.view import View
from training.people.files import load_coder, load_head
from training.people.raster import rasterise


def load_drawer(folder: Path) -> Drawer:
    """Needs MakeHuman's assets no more."""
    (head, textures), coder = load_head(folder), load_coder(folder)
    return Drawer(head, coder, textures, Points.of(head, coder, choose_points(head)), rasterise)


def conditions(drawer: Drawer, codes: Floats, views: list[View], size: int) -> tuple[Tensor, Tensor, Tensor]:
    """`Drawer.conditions` as tensors."""
    code, view, buffers = drawer.conditions(codes, views, size)
    return torch.from_numpy(code), torch.from_numpy(view), torch.from_numpy(buffers)
