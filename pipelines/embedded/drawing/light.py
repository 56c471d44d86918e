"""Light on a figure: one distant lamp with a soft shadow, a sky and a ground, and film that turns it into sRGB."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.drawing.samples import Kind, Samples, lengths
from pipelines.embedded.people.arrays import Floats, Ints
from pipelines.embedded.people.head import LIPS, Figure, Material
from pipelines.embedded.people.pose import Posed
from pipelines.embedded.people.raster import Rasteriser
from pipelines.embedded.people.view import Lamp

SHADOW_SPAN = 5.0  # decimetres that the shadow map's side covers
SHADOW_SIZE = 256  # pixels a side

# By Material: skin, eye, hair, teeth, tongue, lash.
_BOUNCED = np.array([0.18, 0.35, 0.35, 0.35, 0.35, 0.35], np.float32)  # what is left of the lamp in shadow
_WRAP = np.array([0.25, 0.40, 0.25, 0.25, 0.25, 0.25], np.float32)
_OPEN = np.array([1.0, 0.80, 1.0, 0.75, 0.60, 1.0], np.float32)  # how much of sky and ground it sees
_GLOSS = np.array([0.10, 0.90, 0.10, 0.30, 0.0, 0.0], np.float32)
_SHARP = np.array([18.0, 90.0, 9.0, 12.0, 12.0, 12.0], np.float32)
_GLINT = 450.0  # an eye's, where it isn't drawn as the renderer does


@dataclass(frozen=True)
class Light:
    """The light in a picture. Colours are linear RGB, (3,); angles in degrees, as in `people.view.Lamp`."""

    azimuth: float
    elevation: float
    lamp: Floats
    sky: Floats
    ground: Floats

    def towards(self) -> Floats:
        """The unit vector that points to the lamp, (3,)."""
        return Lamp(self.azimuth, self.elevation, 1, 1, 0).towards()

    @classmethod
    def of(cls, lamp: Lamp, surroundings: Floats) -> "Light":
        """The light of a view's lamp. `surroundings` (3,) is the backdrop's mean, which tints sky and ground."""
        w = lamp.warmth
        key = np.array([1 + 0.14 * w, 1.0, 1 - 0.18 * w]) * lamp.key * 1.15
        sky = (np.array([1 - 0.06 * w, 1.0, 1 + 0.08 * w]) * 0.75 + surroundings * 0.4) * lamp.ambient
        ground = (np.array([0.62, 0.56, 0.52]) + surroundings * 0.25) * lamp.ambient
        return cls(lamp.azimuth, lamp.elevation, *(part.astype(np.float32) for part in (key, sky, ground)))


@dataclass(frozen=True)
class Fall:
    """The light that falls on samples: a lit colour is `albedo * onto + gloss`."""

    onto: Floats  # (n, 3)
    gloss: Floats  # (n, 3)
    lit: Floats  # (n,) the part of the lamp's light that no shadow blocks


@dataclass(frozen=True)
class Parts:
    """How much light of each source reaches samples."""

    sky: Floats  # (n,)
    ground: Floats  # (n,)
    lamp: Floats  # (n, 3) by channel: red light spreads under skin
    lit: Floats  # (n,)
    facing: Floats  # (n,) how far it faces the camera
    normal: Floats  # (n, 3): hair's is turned to the camera


def film(light: Floats) -> Floats:
    """Turns linear light into sRGB, 0 to 1, with a soft shoulder as film has."""
    light = np.clip(light, 0, None)
    light = light * (1 + light / 6) / (1 + light * 0.42)
    return np.asarray(np.clip(light, 0, 1) ** np.float32(1 / 2.2))


def unfilm(srgb: Floats) -> Floats:
    """The inverse of `film`."""
    value = np.clip(srgb, 0, 1) ** np.float32(2.2)
    b = 1 - 0.42 * value
    return np.asarray(3 * (np.sqrt(b * b + value * (2 / 3)) - b))


def as_lamp_sees(positions: Floats, towards: Floats) -> Floats:
    """Projects positions (n, 3) into the lamp's picture: x and y as fractions of its side, and the depth."""
    right = np.cross([0, 1, 0], towards)
    right /= np.linalg.norm(right) + 1e-9
    up = np.cross(towards, right)
    seen = np.empty_like(positions)
    seen[:, 0] = positions @ right / SHADOW_SPAN + 0.5
    seen[:, 1] = (positions - np.array([0, 0.6, 0], np.float32)) @ up / SHADOW_SPAN + 0.5
    seen[:, 2] = -(positions @ towards)
    return seen


def shadow_map(
    figure: Figure, posed: Posed, towards: Floats, rasteriser: Rasteriser, size: int = SHADOW_SIZE
) -> Floats:
    """The nearest depth that the lamp sees, (size, size). Lashes cast no shadow."""
    casts = figure.triangles[figure.materials != Material.LASH]
    return rasteriser(as_lamp_sees(posed.positions, towards), casts, size).depth


def parts_of_light(samples: Samples, towards: Floats, shadow: Floats | None) -> Parts:
    """How much light reaches samples. Without `shadow`, nothing casts a shadow."""
    material, normal = samples.material, samples.normal
    hair, skin = material == Material.HAIR, material == Material.SKIN
    facing = samples.facing
    away = hair & (facing < 0)
    if away.any():
        normal = np.where(away[:, None], -normal, normal)
        facing = np.where(away, -facing, facing)
    d = normal @ towards
    lit = np.ones(len(material), np.float32)
    if shadow is not None:
        bias = np.where(hair, 0.14, 0.05 + 0.16 * (1 - np.maximum(0, d))).astype(np.float32)
        lit = _lit(as_lamp_sees(samples.position, towards), shadow, bias)
    bounced, wrap = _BOUNCED[material], _WRAP[material]
    direct = np.maximum(0, (d + wrap) / (1 + wrap)) * (bounced + (1 - bounced) * lit)
    red = np.where(skin, np.maximum(0, (d + 0.38) / 1.38) * (0.22 + 0.78 * lit), direct)
    from_below = np.clip((-normal[:, 1] - 0.1) / 0.4, 0, 1)
    open_to = _OPEN[material] * np.where(skin, 1 - 0.28 * from_below, 1)
    up = 0.5 + 0.5 * normal[:, 1]
    lamp = np.stack([red, direct, direct], 1)
    return Parts(open_to * up, open_to * (1 - up), lamp, lit, facing, normal)


def fall(samples: Samples, light: Light, shadow: Floats | None, *, as_renderer: bool = True) -> Fall:
    """The light that falls on samples, as the renderer that made the references has it.

    If not `as_renderer`, without two of its oddities: a line of sky's light under the chin, and glints as large
    as an iris.
    """
    towards = light.towards()
    parts = parts_of_light(samples, towards, shadow)
    onto = parts.sky[:, None] * light.sky + parts.ground[:, None] * light.ground + parts.lamp * light.lamp
    half = towards + samples.to_eye
    half /= lengths(half)[:, None] + 1e-9
    material, cloth = samples.material, samples.kind == Kind.CLOTH
    lips = np.where((material == Material.SKIN) & ~cloth, samples.marks[:, LIPS], 0)
    gloss = np.where(cloth, 0.02, _GLOSS[material] + 0.22 * lips)
    sharp = np.where(cloth, 12.0, _SHARP[material] + 20 * lips)
    if not as_renderer:
        sharp = np.where(material == Material.EYE, _GLINT, sharp)
    shine = (
        np.maximum(0, np.einsum("nc,nc->n", parts.normal, half)) ** sharp
        * gloss
        * (0.2 + 0.8 * parts.lit)
        * 0.7
    )
    rim = (1 - np.clip(parts.facing, 0, 1)) ** 3 * 0.10
    if not as_renderer:
        rim *= 1 - np.clip(-parts.normal[:, 1] / 0.3, 0, 1) * (material == Material.SKIN)
    return Fall(
        onto.astype(np.float32),
        (shine[:, None] * light.lamp + rim[:, None] * light.sky).astype(np.float32),
        parts.lit,
    )


def _lit(seen: Floats, shadow: Floats, bias: Floats) -> Floats:
    """(n,) the part of the lamp's light that reaches places `seen` by it: looked up in the shadow map over three of
    its cells a side, with weights that go smoothly from cell to cell, so that no cell's edge shows."""
    side = len(shadow)
    step = 1.3 * side / SHADOW_SIZE
    padded = np.pad(shadow, 1, constant_values=1e9).ravel()
    limit = seen[:, 2] - bias
    (columns, across), (rows, down) = (_cells(seen[:, axis] * side, step, side) for axis in (0, 1))
    total = np.zeros(len(seen), np.float32)
    for row, weight in zip(rows, down, strict=True):
        for column, other in zip(columns, across, strict=True):
            total += weight * other * (padded[row * (side + 2) + column] >= limit)
    return total


def _cells(at: Floats, step: float, side: int) -> tuple[list[Ints], list[Floats]]:
    """The padded map's cells to look at around places on one axis, and their weights, which sum up to one."""
    first = np.floor(at / step - 0.5)
    share = (at / step - 0.5 - first).astype(np.float32)
    cells = [np.clip(((first + 0.5 + k) * step).astype(np.int32) + 1, 0, side + 1) for k in (-1, 0, 1, 2)]
    return cells, [(1 - share) / 3, np.full_like(share, 1 / 3), np.full_like(share, 1 / 3), share / 3]
