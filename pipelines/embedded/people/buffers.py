"""Physical buffers: a coarse, unlit drawing of a code in a view, which tells the denoiser where things are.

As in DiffusionRig (Ding et al., CVPR 2023), but drawn from the shape basis of this project's training. What
they leave to the model: texture, strands, soft shadow, gloss, and everything finer than their raster.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipelines.embedded.people.arrays import Floats, Ints
from pipelines.embedded.people.backdrop import paint_backdrop
from pipelines.embedded.people.colour import to_srgb
from pipelines.embedded.people.head import Figure, Head, Material, assemble
from pipelines.embedded.people.looks import Looks
from pipelines.embedded.people.paint import (
    LASH,
    TEETH,
    beard,
    brow_cover,
    cloth_colour,
    eye_colour,
    scalp,
    shirt,
)
from pipelines.embedded.people.pose import Posed, pose
from pipelines.embedded.people.raster import Surface, rasterise
from pipelines.embedded.people.textures import Textures
from pipelines.embedded.people.view import View

CHANNELS = 15
"""0 to 2 place on the average person · 3 to 5 normal · 6 facing the lamp, 0 to 1 · 7 skin · 8 shirt · 9 hair ·
10 eye · 11 mouth · 12 to 14 colour without light, sRGB from -1 to 1."""

SIZE = 128

SKIN, SHIRT, HAIR, EYE, MOUTH = range(7, 12)
KINDS = np.array([SKIN, EYE, HAIR, MOUTH, MOUTH, EYE])  # by Material
TONGUE = (0.4, 0.3, 0.3)

Places = slice | NDArray[np.intp]
Rasteriser = Callable[[Floats, Ints, int], Surface]


def draw_buffers(  # noqa: PLR0917 - the person as `read_looks` tells it
    head: Head,
    textures: Textures,
    body: Floats,
    looks: Looks,
    hair: str,
    brow: int,
    view: View,
    size: int = SIZE,
    rasteriser: Rasteriser = rasterise,
) -> Floats:
    """(CHANNELS, size, size) float32. Training passes a compiled rasteriser that gives the same."""
    figure = assemble(head, body, view.expression, hair)
    posed = pose(figure, view)
    surface = rasteriser(posed.screen, figure.triangles, size)
    buffers = np.zeros((CHANNELS, size, size), np.float32)
    buffers[12:] = paint_backdrop(view.backdrop, size).transpose(2, 0, 1)
    pixels = buffers.reshape(CHANNELS, -1)
    _draw(
        pixels, surface, figure, posed, view=view, looks=looks, brow=textures.brows[brow], textures=textures
    )
    buffers[12:] = to_srgb(buffers[12:]) * 2 - 1
    return buffers


def _draw(
    buffers: Floats,
    surface: Surface,
    figure: Figure,
    posed: Posed,
    *,
    view: View,
    looks: Looks,
    brow: Floats,
    textures: Textures,
) -> None:
    """Draws the figure over what `buffers` (CHANNELS, size²) hold."""
    shown = np.flatnonzero(surface.triangle >= 0)
    triangle = surface.triangle.ravel()[shown]
    corners = figure.triangles[triangle].T
    second, third = surface.inside.reshape(-1, 2)[shown].T
    weights = np.stack([1 - second - third, second, third])

    def at(values: Floats, which: Places = slice(None)) -> Floats:
        """What vertices have (P, C) → pixels (C, n)"""
        a, b, c = corners[:, which]
        wa, wb, wc = weights[:, which, None]
        return np.asarray(wa * values[a] + wb * values[b] + wc * values[c]).T

    x, y, z = place = at(figure.anchors)
    normal = at(posed.normals)
    normal /= np.sqrt((normal * normal).sum(0)) + np.float32(1e-9)
    buffers[0:3, shown] = x, (y - 7.0) * 0.8, z - 0.8
    buffers[3:6, shown] = normal
    buffers[6, shown] = np.maximum(0.0, (view.lamp.towards() @ normal + 0.25) / 1.25)

    material = figure.materials[triangle]
    plain = np.array([looks.skin, (0, 0, 0), looks.hair, TEETH, TONGUE, LASH], np.float32)
    kind, colour = KINDS[material], plain[material].T
    skin = np.flatnonzero(material == Material.SKIN)
    on_average = np.abs(place[0, skin]), place[1, skin], place[2, skin]
    clothed = shirt(*on_average, view.outfit.neckline, view.outfit.plunge, view.outfit.slope) > 0
    worn, bare = skin[clothed], skin[~clothed]
    kind[worn] = SHIRT
    colour[:, worn] = cloth_colour(y[worn], view.outfit)
    marks = at(figure.marks, bare)
    kind[bare[marks[3] >= 0.5]] = MOUTH
    colour[:, bare] = _skin_colour(place[:, bare], marks, looks, brow)
    eye = np.flatnonzero(material == Material.EYE)
    u, v = at(figure.uv, eye)
    colour[:, eye] = eye_colour(u, v, textures.eye, textures.iris, looks)
    buffers[kind, shown] = 1.0
    buffers[12:, shown] = colour


def _skin_colour(place: Floats, marks: Floats, looks: Looks, brow: Floats) -> Floats:
    """Linear RGB (3, n) of places (3, n) with marks (4, n)."""
    x, y, z = np.abs(place[0]), place[1], place[2]
    lips, _, ears, mouth = marks
    hairy = np.clip(beard(x, y, z, lips, looks.beard_jaw, looks.beard_moustache, looks.beard), 0, 1)
    hairy = np.maximum(hairy, brow_cover(x, y, z, looks, brow))
    colour = np.outer(looks.skin, 1 - lips) + np.outer(looks.lips, lips)
    colour = colour * (1 - mouth) + 0.06 * mouth
    colour = colour * (1 - hairy) + np.outer(looks.brow, hairy)
    hidden = scalp(x, y, z, ears, looks.scalp)
    return np.asarray(colour * (1 - hidden) + np.outer(looks.hair, hidden), np.float32)
