"""Colours the pixels of a raster: skin, eyes, hair, cloth, under one lamp with soft shadows.

One numba kernel goes over the pixels; what a material looks like stands in `skin.py` and in the functions
here. Light is linear.
"""

# ruff: noqa: PLR0917, PLR0912, PLR0915 - numba inlines what a kernel calls, and takes arguments by position only

from typing import NamedTuple

import numpy as np
from numba import njit

from pipelines.embedded.people.arrays import Floats, Ints
from pipelines.embedded.people.looks import Looks
from pipelines.embedded.people.paint import LASH, TEETH
from pipelines.embedded.people.raster import Surface
from pipelines.embedded.people.view import Outfit
from training.people.compiled import cloth_colour, eye_colour, noise2, shirt, strand_brightness
from training.people.skin import skin_colour


class Scene(NamedTuple):
    """A posed figure and its light, as the kernel wants them."""

    triangles: Ints  # (T, 3)
    materials: Ints  # (T,)
    positions: Floats  # (P, 3) camera space
    normals: Floats  # (P, 3)
    anchors: Floats  # (P, 3)
    marks: Floats  # (P, 4)
    uv: Floats  # (P, 2)
    camera: Floats  # (3,)
    towards_lamp: Floats  # (3,) unit vector
    lamp: Floats  # (3,) its colour and strength
    sky: Floats  # (3,) ambient light from above
    ground: Floats  # (3,) and from below
    from_lamp: Floats  # (P, 3) as the lamp sees the vertices: x, y in parts of its picture, depth
    shadow: Floats  # (Q, Q) the nearest depth that the lamp sees


@njit(cache=True, fastmath=True)
def mix(values: Floats, corners: Ints, w0: float, w1: float, w2: float) -> tuple[float, float, float]:
    a, b, c = corners[0], corners[1], corners[2]
    return (
        w0 * values[a, 0] + w1 * values[b, 0] + w2 * values[c, 0],
        w0 * values[a, 1] + w1 * values[b, 1] + w2 * values[c, 1],
        w0 * values[a, 2] + w1 * values[b, 2] + w2 * values[c, 2],
    )


@njit(cache=True, fastmath=True)
def mix_pair(values: Floats, corners: Ints, w0: float, w1: float, w2: float) -> tuple[float, float]:
    """As `mix`, for pairs."""
    a, b, c = corners[0], corners[1], corners[2]
    return (
        w0 * values[a, 0] + w1 * values[b, 0] + w2 * values[c, 0],
        w0 * values[a, 1] + w1 * values[b, 1] + w2 * values[c, 1],
    )


@njit(cache=True, fastmath=True)
def unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    length = np.sqrt(x * x + y * y + z * z) + 1e-9
    return x / length, y / length, z / length


@njit(cache=True, fastmath=True)
def _lit(shadow: Floats, x: float, y: float, depth: float, bias: float) -> float:
    """The part of the lamp that reaches a place: nine looks into the shadow map."""
    size = shadow.shape[0]
    lit = 0.0
    for j in range(-1, 2):
        for i in range(-1, 2):
            u, v = int(x * size + i * 1.3), int(y * size + j * 1.3)
            outside = u < 0 or v < 0 or u >= size or v >= size
            if outside or depth <= shadow[v, u] + bias:
                lit += 1.0 / 9
    return lit


@njit(cache=True, fastmath=True)
def _cloth(x: float, y: float, below: float, outfit: Outfit, grain: int) -> tuple[float, float, float]:
    colour = cloth_colour(y, outfit)
    k = 1 + 0.12 * (noise2(x * 9, y * 9, grain + 3) - 0.5)
    if below < 0.08:
        k *= 0.82  # the hem
    return colour[0] * k, colour[1] * k, colour[2] * k


@njit(cache=True, fastmath=True)
def _hair(x: float, y: float, z: float, looks: Looks) -> tuple[float, float, float]:
    k = strand_brightness(x, y, z, looks.strands, looks.grain)
    return looks.hair[0] * k, looks.hair[1] * k, looks.hair[2] * k


@njit(cache=True, fastmath=True)
def shade(
    picture: Floats,
    surface: Surface,
    scene: Scene,
    looks: Looks,
    outfit: Outfit,
    brow: Floats,
    eye: Floats,
    iris: Floats,
) -> None:
    """Paints the figure over what `picture` (S, S, 3) holds."""
    lx, ly, lz = scene.towards_lamp[0], scene.towards_lamp[1], scene.towards_lamp[2]
    size = picture.shape[0]
    for py in range(size):
        for px in range(size):
            t = surface.triangle[py, px]
            if t < 0:
                continue
            corners = scene.triangles[t]
            w1, w2 = surface.inside[py, px, 0], surface.inside[py, px, 1]
            w0 = 1 - w1 - w2
            material = scene.materials[t]
            nx, ny, nz = mix(scene.normals, corners, w0, w1, w2)
            nx, ny, nz = unit(nx, ny, nz)
            vx, vy, vz = mix(scene.positions, corners, w0, w1, w2)
            ex, ey, ez = unit(scene.camera[0] - vx, scene.camera[1] - vy, scene.camera[2] - vz)
            bx, by, bz = mix(scene.anchors, corners, w0, w1, w2)
            facing = nx * ex + ny * ey + nz * ez
            if material == 2 and facing < 0:
                nx, ny, nz, facing = -nx, -ny, -nz, -facing
            d = nx * lx + ny * ly + nz * lz
            sx, sy, depth = mix(scene.from_lamp, corners, w0, w1, w2)
            lit = _lit(
                scene.shadow, sx, sy, depth, 0.14 if material == 2 else 0.05 + 0.16 * (1 - max(0.0, d))
            )
            wrap, occluded, gloss, sharp = 0.25, 1.0, 0.0, 12.0
            floor = 0.35  # what shadow leaves: light bounces
            if material == 0:
                lips, lids, ears = mix(scene.marks, corners, w0, w1, w2)
                mouth = (
                    w0 * scene.marks[corners[0], 3]
                    + w1 * scene.marks[corners[1], 3]
                    + w2 * scene.marks[corners[2], 3]
                )
                below = shirt(abs(bx), by, bz, outfit.neckline, outfit.plunge, outfit.slope)
                floor = 0.18
                occluded = 1 - 0.28 * max(0.0, min(1.0, (-ny - 0.1) / 0.4))
                if below > 0:
                    red, green, blue = _cloth(bx, by, below, outfit, looks.grain)
                    gloss = 0.02
                else:
                    red, green, blue = skin_colour(bx, by, bz, lips, lids, ears, mouth, looks, brow)
                    gloss, sharp = 0.10 + 0.22 * lips, 18.0 + 20 * lips
            elif material == 1:
                u, v = mix_pair(scene.uv, corners, w0, w1, w2)
                red, green, blue = eye_colour(u, v, eye, iris, looks)
                wrap, occluded, gloss, sharp = 0.4, 0.80, 0.9, 90.0
            elif material == 2:
                red, green, blue = _hair(bx, by, bz, looks)
                gloss, sharp = 0.10, 9.0
            elif material == 3:
                red, green, blue = TEETH
                occluded, gloss = 0.75, 0.3
            elif material == 4:
                red, green, blue = 0.55, 0.22, 0.22
                occluded = 0.6
            else:
                red, green, blue = LASH
            direct = max(0.0, (d + wrap) / (1 + wrap)) * (floor + (1 - floor) * lit)
            direct_red = direct
            if material == 0:
                direct_red = max(0.0, (d + 0.38) / 1.38) * (0.22 + 0.78 * lit)  # red light wanders under skin
            hx, hy, hz = unit(lx + ex, ly + ey, lz + ez)
            shine = max(0.0, nx * hx + ny * hy + nz * hz) ** sharp * gloss * (0.2 + 0.8 * lit) * 0.7
            rim = (1 - max(0.0, facing)) ** 3 * 0.10
            up = 0.5 + 0.5 * ny
            for c in range(3):
                albedo = red if c == 0 else (green if c == 1 else blue)
                ambient = (scene.sky[c] * up + scene.ground[c] * (1 - up)) * occluded
                lamp = scene.lamp[c] * (direct_red if c == 0 else direct)
                picture[py, px, c] = albedo * (ambient + lamp) + shine * scene.lamp[c] + rim * scene.sky[c]
