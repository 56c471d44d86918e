"""Physical buffers: a coarse, unlit drawing of a code in a view, which tells the denoiser where things are.

As in DiffusionRig (Ding et al., CVPR 2023), but drawn from the shape basis of this training. What they
leave to the model: texture, strands, soft shadow, gloss, and everything finer than their raster.
"""

# ruff: noqa: PLR0917 - numba inlines what a kernel calls, and takes arguments by position only

import numpy as np
from numba import njit

from training.people.assets import Textures
from training.people.backdrop import paint_backdrop
from training.people.head import Head, assemble
from training.people.identity import Looks
from training.people.paint import beard, scalp, shirt
from training.people.pose import pose
from training.people.raster import Surface, rasterise
from training.people.render import towards_lamp
from training.people.shade import Clothes, cloth_colour, eye_colour, mix, mix_pair, unit
from training.people.skin import brow_cover
from training.people.view import View
from training.people.wavefront import Floats, Ints

CHANNELS = 15
"""0 to 2 place on the average person · 3 to 5 normal · 6 facing the lamp, 0 to 1 · 7 skin · 8 shirt · 9 hair ·
10 eye · 11 mouth · 12 to 14 colour without light, sRGB from -1 to 1."""

SIZE = 128


def draw_buffers(
    head: Head,
    textures: Textures,
    body: Floats,
    looks: Looks,
    hair: str,
    brow: int,
    view: View,
    size: int = SIZE,
) -> Floats:
    """(CHANNELS, size, size)"""
    figure = assemble(head, body, view.expression, hair)
    posed = pose(figure, view)
    surface = rasterise(posed.screen, figure.triangles, size)
    buffers = np.zeros((CHANNELS, size, size), np.float32)
    buffers[12:] = paint_backdrop(view.backdrop, size).transpose(2, 0, 1)
    _draw(
        buffers,
        surface,
        figure.triangles,
        figure.materials,
        posed.normals,
        figure.anchors,
        figure.marks,
        figure.uv,
        towards_lamp(view.lamp),
        looks,
        Clothes(*view.outfit),
        textures.brows[brow],
        textures.eye,
        textures.iris,
    )
    buffers[12:] = np.clip(buffers[12:], 0, 1) ** (1 / 2.2) * 2 - 1
    return buffers


@njit(cache=True, fastmath=True)
def _draw(
    buffers: Floats,
    surface: Surface,
    triangles: Ints,
    materials: Ints,
    normals: Floats,
    anchors: Floats,
    marks: Floats,
    uv: Floats,
    lamp: Floats,
    looks: Looks,
    clothes: Clothes,
    brow: Floats,
    eye: Floats,
    iris: Floats,
) -> None:
    size = buffers.shape[1]
    for py in range(size):
        for px in range(size):
            t = surface.triangle[py, px]
            if t < 0:
                continue
            corners = triangles[t]
            w1, w2 = surface.inside[py, px, 0], surface.inside[py, px, 1]
            w0 = 1 - w1 - w2
            material = materials[t]
            bx, by, bz = mix(anchors, corners, w0, w1, w2)
            nx, ny, nz = mix(normals, corners, w0, w1, w2)
            nx, ny, nz = unit(nx, ny, nz)
            buffers[0, py, px], buffers[1, py, px], buffers[2, py, px] = bx, (by - 7.0) * 0.8, bz - 0.8
            buffers[3, py, px], buffers[4, py, px], buffers[5, py, px] = nx, ny, nz
            buffers[6, py, px] = max(0.0, (nx * lamp[0] + ny * lamp[1] + nz * lamp[2] + 0.25) / 1.25)
            kind, colour = 11, (0.4, 0.3, 0.3)
            if material == 0:
                x = abs(bx)
                lips, _, ears = mix(marks, corners, w0, w1, w2)
                mouth = w0 * marks[corners[0], 3] + w1 * marks[corners[1], 3] + w2 * marks[corners[2], 3]
                if shirt(x, by, bz, clothes.neckline, clothes.plunge, clothes.slope) > 0:
                    cloth = cloth_colour(by, clothes)
                    kind, colour = 8, (cloth[0], cloth[1], cloth[2])
                else:
                    kind = 7 if mouth < 0.5 else 11
                    hairy = beard(x, by, bz, lips, looks.beard_jaw, looks.beard_moustache, looks.beard)
                    hairy = max(brow_cover(x, by, bz, looks, brow), min(1.0, max(0.0, hairy)))
                    hidden = scalp(x, by, bz, ears, looks.scalp)
                    colour = (
                        _skin(looks, 0, lips, mouth, hairy, hidden),
                        _skin(looks, 1, lips, mouth, hairy, hidden),
                        _skin(looks, 2, lips, mouth, hairy, hidden),
                    )
            elif material == 1:
                u, v, _ = mix_pair(uv, corners, w0, w1, w2)
                kind, colour = 10, eye_colour(u, v, eye, iris, looks)
            elif material == 2:
                kind, colour = 9, (looks.hair[0], looks.hair[1], looks.hair[2])
            elif material == 3:
                colour = (0.86, 0.83, 0.76)
            elif material == 5:
                kind, colour = 10, (0.06, 0.04, 0.035)
            buffers[kind, py, px] = 1.0
            buffers[12, py, px], buffers[13, py, px], buffers[14, py, px] = colour


@njit(cache=True, fastmath=True)
def _skin(looks: Looks, c: int, lips: float, mouth: float, hairy: float, hidden: float) -> float:
    value = looks.skin[c] * (1 - lips) + looks.lips[c] * lips
    value = value * (1 - mouth) + 0.06 * mouth
    value = value * (1 - hairy) + looks.brow[c] * hairy
    return float(value * (1 - hidden) + looks.hair[c] * hidden)
