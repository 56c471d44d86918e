"""The colour of a figure without light: what is painted on skin, eyes, hair and cloth, as the renderer does it.

What depends on a person's grain alone (freckles, the skin's unevenness) is left out: no code contains it.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.drawing.samples import Kind, Samples, Scene
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.head import EARS, LIDS, LIPS, MOUTH, Material
from pipelines.embedded.people.looks import Looks
from pipelines.embedded.people.paint import (
    LASH,
    TEETH,
    around_eyes,
    beard,
    blush,
    brow_cover,
    cloth_colour,
    eye_colour,
    scalp,
    strand_brightness,
)
from pipelines.embedded.people.textures import Textures

_TONGUE = (0.55, 0.22, 0.22)
_INSIDE = np.array([0.16, 0.05, 0.04], np.float32)
_BLUSH = np.array([0.12, -0.16, -0.14], np.float32)
GRAIN = 11  # the same for everybody's hair: no code contains it


@dataclass(frozen=True)
class Albedo:
    """The samples' colours without light, in linear RGB."""

    colour: Floats  # (n, 3)
    browless: Floats  # (n, 3) the same without brows
    feature: Floats  # (n,) 0 to 1: how much it is lips, brow, beard, scalp or mouth, not plain skin


def albedo(scene: Scene, samples: Samples, textures: Textures, *, strands: bool = True) -> Albedo:
    """The colours of samples without light. Without `strands`, hair has one colour."""
    looks = scene.looks
    plain = np.array([looks.skin, (0, 0, 0), looks.hair, np.multiply(TEETH, 0.75), _TONGUE, LASH], np.float32)
    colour = plain[samples.material]
    feature = np.zeros(len(colour), np.float32)
    cloth = np.flatnonzero(samples.kind == Kind.CLOTH)
    worn = cloth_colour(samples.anchor[cloth, 1], scene.view.outfit)
    colour[cloth] = np.stack([np.broadcast_to(part, len(cloth)) for part in worn], 1)
    eye = np.flatnonzero(samples.material == Material.EYE)
    u, v = samples.only(eye).at(scene.figure.uv).T
    colour[eye] = np.stack(eye_colour(u, v, textures.eye, textures.iris, looks), 1)
    if strands:
        hair = np.flatnonzero(samples.material == Material.HAIR)
        x, y, z = samples.anchor[hair].T
        bright = strand_brightness(x, y, z, looks.strands, GRAIN)
        colour[hair] *= bright[:, None].astype(np.float32)
    bare = np.flatnonzero((samples.material == Material.SKIN) & (samples.kind != Kind.CLOTH))
    browless = colour.copy()
    colour[bare], browless[bare], feature[bare] = _skin(
        samples.anchor[bare], samples.marks[bare], looks, textures.brows[scene.brow]
    )
    return Albedo(colour, browless, feature)


def _skin(place: Floats, marks: Floats, looks: Looks, brow: Floats) -> tuple[Floats, Floats, Floats]:
    """Colour with and without brows, and how much each place is a feature."""
    x, y, z = np.abs(place[:, 0]), place[:, 1], place[:, 2]
    lips, lids, ears, mouth = marks[:, LIPS], marks[:, LIDS], marks[:, EARS], marks[:, MOUTH]
    redder = blush(x, y, z, ears, looks.blush)
    dark = around_eyes(x, y, z, lids, looks.sockets)
    skin = looks.skin * dark[:, None] * (1 + redder[:, None] * _BLUSH)
    skin = _over(skin, looks.lips, lips)
    skin = _over(skin, _INSIDE, mouth)
    hairy = np.clip(beard(x, y, z, lips, looks.beard_jaw, looks.beard_moustache, looks.beard), 0, 1)
    with_brows = np.maximum(hairy, brow_cover(x, y, z, looks, brow))
    hidden = scalp(x, y, z, ears, looks.scalp)
    browed, browless = (
        _over(_over(skin, looks.brow, cover), looks.hair, hidden) for cover in (with_brows, hairy)
    )
    return browed, browless, np.maximum.reduce([lips, with_brows, hidden, mouth])


def _over(under: Floats, colour: Floats, cover: Floats) -> Floats:
    return np.asarray(under * (1 - cover[:, None]) + colour * cover[:, None], np.float32)
