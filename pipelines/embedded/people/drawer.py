"""A code and a view → what the denoiser is told: both vectors and the buffers drawn from them."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from pipelines.embedded.people.arrays import Arrays, Floats
from pipelines.embedded.people.buffers import Rasteriser, draw_buffers
from pipelines.embedded.people.code import Coder, part, read_looks, view_vector
from pipelines.embedded.people.head import Head
from pipelines.embedded.people.packed import within
from pipelines.embedded.people.points import Points
from pipelines.embedded.people.raster import rasterise
from pipelines.embedded.people.shape import ShapeBasis
from pipelines.embedded.people.textures import Textures
from pipelines.embedded.people.view import View


@dataclass(frozen=True)
class Drawer:
    """Whatever a drawing needs beside code and view."""

    head: Head
    coder: Coder
    textures: Textures
    points: Points
    rasteriser: Rasteriser = rasterise

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """Of arrays as `packed.unpacked` gives them."""
        head = Head.from_arrays(within(arrays, "head"))
        coder = Coder(ShapeBasis(**within(arrays, "shape")), **within(arrays, "looks"))
        return cls(
            head,
            coder,
            Textures(**within(arrays, "textures")),
            Points.of(head, coder, arrays["points.vertices"]),
        )

    def buffers(self, codes: Floats, views: list[View], size: int) -> Floats:
        """(B, CHANNELS, size, size) of codes (B, CODE)"""
        bodies, looks = self.coder.split(codes)
        drawn = [
            draw_buffers(
                self.head, self.textures, body, *read_looks(vector), view, size, rasteriser=self.rasteriser
            )
            for body, vector, view in zip(bodies, looks, views, strict=True)
        ]
        return np.stack(drawn)

    def conditions(self, codes: Floats, views: list[View], size: int) -> tuple[Floats, Floats, Floats]:
        """Codes (B, CODE), view vectors (B, VIEW) and buffers (B, CHANNELS, size, size)."""
        return codes, np.stack([view_vector(view) for view in views]), self.buffers(codes, views, size)

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
