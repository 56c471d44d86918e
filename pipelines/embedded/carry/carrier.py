"""Carries a person's references into views."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from pipelines.embedded.carry.agreement import Zones, believed
from pipelines.embedded.carry.blend import blended
from pipelines.embedded.carry.looks import shown_looks, usual_tint
from pipelines.embedded.carry.reference import Reference
from pipelines.embedded.carry.relief import fine_relief
from pipelines.embedded.carry.visibility import looked_up
from pipelines.embedded.drawing.drawn import Drawn, draw
from pipelines.embedded.drawing.edges import smooth, tapers
from pipelines.embedded.drawing.light import film
from pipelines.embedded.drawing.samples import Kind, Samples
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import read_looks
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.looks import Looks
from pipelines.embedded.people.view import View

_CHIN, _TO_EARS = 6.17, 1.4  # the jaw's height in decimetres, and how it rises with the square of x
_ABOVE_JAW = (-0.02, 0.12)
"""Decimetres above the jaw over which carrying fades in. A neck has no likeness, and is mostly in shadow."""


@dataclass(frozen=True)
class Carried:
    """The picture of a view."""

    picture: Floats  # (S, S, 3) sRGB, 0 to 1
    share: Floats  # (S, S) 0 to 1: how much of a pixel comes from references
    drawn: Drawn


@dataclass(frozen=True)
class Carrier:
    """A person whose references can be carried into views. Made once for each person."""

    drawer: Drawer
    code: Floats
    looks: Looks
    references: tuple[Reference, ...] = ()
    carries_hair: bool = True

    @classmethod
    def of(cls, drawer: Drawer, code: Floats, references: Sequence[Reference] = ()) -> Self:
        """Makes a carrier for the person of a code (CODE,), from references. Without any, nothing is carried."""
        looks = read_looks(drawer.coder.split(code[None])[1][0])[0]
        if not references:
            return cls(drawer, code, looks)
        tint = usual_tint(references)
        looks = shown_looks(looks, references, tint)
        return cls(drawer, code, looks, tuple(reference.tinted(tint) for reference in references))

    def described(self, code: Floats) -> Self:
        """The carrier with a code that a description changed: stated hair is drawn, not carried, and if the shape
        changed, everything is."""
        if np.array_equal(code, self.code):
            return self
        (before, style, _), (looks, stated_style, _) = (
            read_looks(self.drawer.coder.split(each[None])[1][0]) for each in (self.code, code)
        )
        shape = self.drawer.coder.shape_size
        if not np.array_equal(code[:shape], self.code[:shape]):
            return replace(self, code=code, looks=looks, references=())
        # What isn't stated stays as the references show it: that is better than what was read.
        stated = {
            name: getattr(looks, name)
            for name in ("hair", "scalp", "strands")
            if not np.allclose(getattr(looks, name), getattr(before, name), atol=1e-4)
        }
        drawer = self.drawer if stated_style == style else replace(self.drawer, worn=None)
        looks = self.looks._replace(**stated)
        return replace(self, drawer=drawer, code=code, looks=looks, carries_hair=False)

    def picture(self, view: View, size: int) -> Carried:
        """Renders the person in a view, `size` pixels a side."""
        drawn = draw(self.drawer, self.code, view, size, self.looks)
        usable, taper = self._usable(drawn)
        some = np.flatnonzero(usable & (drawn.samples.share > 0.9))
        if not self.references or not len(some):
            return Carried(np.clip(drawn.picture, 0, 1), np.zeros((size, size), np.float32), drawn)
        samples = drawn.samples.only(some)
        onto, gloss = drawn.fall.onto[some], drawn.fall.gloss[some]
        looked = [looked_up(reference, view, samples) for reference in self.references]
        colours = np.stack([film(colour * onto + gloss) for colour, _ in looked])
        weights = np.stack([weight for _, weight in looked])
        zones = Zones.of(samples, drawn.albedo.feature[some])
        base = drawn.picture.reshape(-1, 3)
        base[samples.pixel] = _without_brows(drawn, samples, some, weights, zones.brow)
        weights = believed(samples, colours, weights, base[samples.pixel], zones)
        total = weights.sum(0)
        shares = weights / (total + 1e-9) * smooth(0.0005, 0.02, total) * taper[some]
        return Carried(
            blended(drawn.picture, samples.pixel, colours, shares),
            samples.grid(shares.sum(0).astype(np.float32), 0.0),
            drawn,
        )

    def _usable(self, drawn: Drawn) -> tuple[np.ndarray, Floats]:
        """(n,) where references count, and the factor (n,) by which they fade near edges and in fine relief."""
        samples = drawn.samples
        kind = samples.kind
        edges = tapers(samples)
        taper = np.where(kind == Kind.HAIR, edges.hair, edges.face)
        jaw = _CHIN + _TO_EARS * samples.anchor[:, 0] ** 2
        above = smooth(*_ABOVE_JAW, samples.anchor[:, 1] - jaw)
        usable = (kind == Kind.FACE) & (above > 0)
        if self.carries_hair:
            usable |= kind == Kind.HAIR
        return usable, taper * np.where(kind == Kind.FACE, above, 1) * (1 - fine_relief(drawn.scene, samples))


def _without_brows(
    drawn: Drawn, samples: Samples, some: np.ndarray, weights: Floats, zone: np.ndarray
) -> Floats:
    """(n, 3) the drawing, with its brows removed where references show that place."""
    base = drawn.picture.reshape(-1, 3)[samples.pixel].copy()
    brow = np.flatnonzero(zone)
    shown = smooth(0.0005, 0.01, weights[:, brow].sum(0))
    side = samples.anchor[brow, 0] > 0
    for half in (side, ~side):  # half a brow would look wrong
        inked = half & (drawn.albedo.feature[some[brow]] > 0.2)
        if inked.sum() > 20 and shown[inked].mean() > 0.45:
            shown[half] = 1
    at = some[brow]
    bald = film(drawn.albedo.browless[at] * drawn.fall.onto[at] + drawn.fall.gloss[at])
    base[brow] += (bald - base[brow]) * shown[:, None]
    return base
