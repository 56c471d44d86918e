"""What a drawing of any person needs: the shared head, the meaning of codes, textures, points, a rasteriser."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from pipelines.embedded.people.arrays import Arrays, Floats
from pipelines.embedded.people.code import Coder, part
from pipelines.embedded.people.head import Head
from pipelines.embedded.people.packed import within
from pipelines.embedded.people.points import Points
from pipelines.embedded.people.raster import Rasteriser, rasterise
from pipelines.embedded.people.shape import ShapeBasis
from pipelines.embedded.people.textures import Textures


@dataclass(frozen=True)
class Drawer:
    """What all drawings share. Made once; each drawing adds a code and a view."""

    head: Head
    coder: Coder
    textures: Textures
    points: Points
    rasteriser: Rasteriser = rasterise
    worn: str | None = None
    """A style of `MORE_STYLES` that figures wear instead of their code's."""

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """Makes a drawer from arrays as `packed.unpacked` returns them."""
        head = Head.from_arrays(within(arrays, "head"))
        coder = Coder(ShapeBasis(**within(arrays, "shape")), **within(arrays, "looks"))
        return cls(
            head,
            coder,
            Textures(**within(arrays, "textures")),
            Points.of(head, coder, arrays["points.vertices"]),
        )

    def decided(self, code: Floats) -> Floats:
        """The code with its either-or parts decided: a reader says "70 % this brow", but a person has one."""
        shape, standard = code[: self.coder.shape_size], code[self.coder.shape_size :]
        looks = standard * self.coder.looks_spread + self.coder.looks_mean
        for name in ("hair_style", "brow_style"):
            looks[part(name)] = np.eye(len(looks[part(name)]))[looks[part(name)].argmax()]
        if looks[part("mole")][0] < 0.5:
            looks[part("mole")] = 0.0
        standard = np.clip((looks - self.coder.looks_mean) / self.coder.looks_spread, -4, 4)
        return np.concatenate([shape, standard]).astype(np.float32)
