"""The colour of a figure without light: what is painted on skin, eyes, hair and cloth, as the renderer does it.

What depends on a person's grain alone (freckles, the skin's unevenness) is left out: no code contains it.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.drawing.edges import PIXELS
from pipelines.embedded.drawing.samples import Kind, Samples, Scene
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.head import EARS, LIDS, LIPS, MOUTH, Material
from pipelines.embedded.people.looks import Looks
from pipelines.embedded.people.noise import noise2
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
    shirt,
    step,
    strand_brightness,
)
from pipelines.embedded.people.textures import Textures
from pipelines.embedded.people.view import Outfit

_TONGUE = (0.42, 0.15, 0.15)
_INSIDE = np.array([0.16, 0.05, 0.04], np.float32)
_FRONT_TEETH = (1.15, 1.44)  # how far forward teeth fade in, and the mouth's inside gets lighter
_DEEP = 0.4  # how bright the mouth's inside is behind the teeth
_STRANDS = (6.05, 6.30)  # from the throat to the chin: on the throat, strands would be drawn out to streaks
_HEM, _HEM_SHADE = 0.08, 0.18  # a shirt's hem, in decimetres, and how much darker it is
_EDGE = 0.02  # the most decimetres that a pixel of 512 can span at a shirt's edge
_BLUSH = np.array([0.12, -0.16, -0.14], np.float32)
GRAIN = 11  # the same for everybody's hair and beard: no code contains it


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
    teeth = np.flatnonzero(samples.material == Material.TEETH)
    far_back = 1 - step(*_FRONT_TEETH, samples.anchor[teeth, 2])
    colour[teeth] = _over(colour[teeth], _INSIDE * _DEEP, far_back)
    eye = np.flatnonzero(samples.material == Material.EYE)
    u, v = samples.only(eye).at(scene.figure.uv).T
    colour[eye] = np.stack(eye_colour(u, v, textures.eye, textures.iris, looks), 1)
    if strands:
        hair = np.flatnonzero(samples.material == Material.HAIR)
        x, y, z = samples.anchor[hair].T
        bright = strand_brightness(x, y, z, looks.strands, GRAIN)
        colour[hair] *= bright[:, None].astype(np.float32)
    below, cover = _shirt(scene, samples)
    bare = np.flatnonzero((samples.material == Material.SKIN) & (cover < 1))
    browless = colour.copy()
    colour[bare], browless[bare], feature[bare] = _skin(
        samples.anchor[bare], samples.marks[bare], looks, textures.brows[scene.brow]
    )
    feature[samples.kind == Kind.CLOTH] = 0
    worn = np.flatnonzero(cover > 0)
    cloth = _cloth(samples.anchor[worn, 1], below[worn], scene.view.outfit)
    for part in (colour, browless):
        part[worn] = _over(part[worn], cloth, cover[worn])
    return Albedo(colour, browless, feature)


def _shirt(scene: Scene, samples: Samples) -> tuple[Floats, Floats]:
    """(n,) how far skin lies below the shirt's edge, in decimetres, and how much of it the shirt covers: pixels on
    the edge are covered in part."""
    x, y, z = np.abs(samples.anchor[:, 0]), samples.anchor[:, 1], samples.anchor[:, 2]
    outfit = scene.view.outfit
    below = shirt(x, y, z, outfit.neckline, outfit.plunge, outfit.slope)
    skin = samples.material == Material.SKIN
    grid = samples.grid(np.where(skin, below, -1).astype(np.float32), -1.0)
    across = np.hypot(*np.gradient(grid)).ravel()[samples.pixel]  # decimetres from one pixel to the next
    cover = np.clip(0.5 + below / np.clip(across, 1e-6, _EDGE * PIXELS / samples.size), 0, 1)
    return below, np.asarray(np.where(skin, cover, 0), np.float32)


def _cloth(height: Floats, below: Floats, outfit: Outfit) -> Floats:
    """(n, 3) the shirt's colour at those heights, `below` its edge."""
    thread = np.stack([np.broadcast_to(part, len(height)) for part in cloth_colour(height, outfit)], 1)
    hem = 1 - step(_HEM - _EDGE / 2, _HEM + _EDGE / 2, below)
    return np.asarray(thread * (1 - _HEM_SHADE * hem)[:, None], np.float32)


def _skin(place: Floats, marks: Floats, looks: Looks, brow: Floats) -> tuple[Floats, Floats, Floats]:
    """Colour with and without brows, and how much each place is a feature."""
    x, y, z = np.abs(place[:, 0]), place[:, 1], place[:, 2]
    lips, lids, ears, mouth = marks[:, LIPS], marks[:, LIDS], marks[:, EARS], marks[:, MOUTH]
    redder = blush(x, y, z, ears, looks.blush)
    dark = around_eyes(x, y, z, lids, looks.sockets)
    skin = looks.skin * dark[:, None] * (1 + redder[:, None] * _BLUSH)
    skin = _over(skin, looks.lips, lips)
    deep = _DEEP + (1 - _DEEP) * step(*_FRONT_TEETH, z)
    skin = _over(skin, _INSIDE * deep[:, None], mouth)
    hairy = beard(x, y, z, lips, looks.beard_jaw, looks.beard_moustache, looks.beard)
    strands = noise2(place[:, 0] * 45, y * 30, GRAIN) - 0.5
    hairy = np.clip(hairy * (1 + 0.4 * strands * step(*_STRANDS, y)), 0, 1)
    with_brows = np.maximum(hairy, brow_cover(x, y, z, looks, brow))
    hidden = scalp(x, y, z, ears, looks.scalp)
    browed, browless = (
        _over(_over(skin, looks.brow, cover), looks.hair, hidden) for cover in (with_brows, hairy)
    )
    return browed, browless, np.maximum.reduce([lips, with_brows, hidden, mouth])


def _over(under: Floats, colour: Floats, cover: Floats) -> Floats:
    return np.asarray(under * (1 - cover[:, None]) + colour * cover[:, None], np.float32)
