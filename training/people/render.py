"""A person and a view → a picture."""

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.backdrop import paint_backdrop
from pipelines.embedded.people.head import Head, Material, assemble
from pipelines.embedded.people.pose import pose
from pipelines.embedded.people.textures import Textures
from pipelines.embedded.people.view import Lamp, View
from training.people.identity import Identity
from training.people.raster import rasterise
from training.people.shade import Scene, shade

SHADOW_SIZE = 256
SHADOW_SPAN = 5.0  # decimetres that the shadow map's side covers


def render(
    head: Head, textures: Textures, person: Identity, view: View, *, size: int, sampling: int = 2
) -> np.ndarray:
    """sRGB, (size, size, 3) uint8; each pixel is the mean of `sampling`² rays."""
    figure = assemble(head, person.body, view.expression, person.hair)
    posed = pose(figure, view)
    surface = rasterise(posed.screen, figure.triangles, size * sampling)
    towards = view.lamp.towards()
    from_lamp = _as_lamp_sees(posed.positions, towards)
    casts = figure.triangles[figure.materials != Material.LASH]
    backdrop = paint_backdrop(view.backdrop, size)
    lamp, sky, ground = light_colours(view.lamp, backdrop.mean((0, 1)))
    scene = Scene(
        figure.triangles,
        figure.materials,
        posed.positions,
        posed.normals,
        figure.anchors,
        figure.marks,
        figure.uv,
        posed.camera,
        towards,
        lamp,
        sky,
        ground,
        from_lamp,
        rasterise(from_lamp, casts, SHADOW_SIZE).depth,
    )
    picture = backdrop.repeat(sampling, 0).repeat(sampling, 1)
    shade(
        picture,
        surface,
        scene,
        person.looks,
        view.outfit,
        textures.brows[person.brow],
        textures.eye,
        textures.iris,
    )
    picture = picture.reshape(size, sampling, size, sampling, 3).mean((1, 3))
    return develop(picture)


def develop(light: Floats) -> np.ndarray:
    """Linear light to sRGB bytes, with a soft shoulder as film has."""
    light = np.clip(light, 0, None)
    light = light * (1 + light / 6) / (1 + light * 0.42)
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.2) * 255 + 0.5, np.uint8)


def light_colours(lamp: Lamp, surroundings: Floats) -> tuple[Floats, Floats, Floats]:
    """The lamp's light, and the ambient one from above and below; surroundings tint the ambient. Each (3,)."""
    w = lamp.warmth
    key = np.array([1 + 0.14 * w, 1.0, 1 - 0.18 * w]) * lamp.key * 1.15
    sky = (np.array([1 - 0.06 * w, 1.0, 1 + 0.08 * w]) * 0.75 + surroundings * 0.4) * lamp.ambient
    ground = (np.array([0.62, 0.56, 0.52]) + surroundings * 0.25) * lamp.ambient
    return key.astype(np.float32), sky.astype(np.float32), ground.astype(np.float32)


def _as_lamp_sees(positions: Floats, towards: Floats) -> Floats:
    right = np.cross([0, 1, 0], towards)
    right /= np.linalg.norm(right) + 1e-9
    up = np.cross(towards, right)
    seen = np.empty_like(positions)
    seen[:, 0] = positions @ right / SHADOW_SPAN + 0.5
    seen[:, 1] = (positions - np.array([0, 0.6, 0], np.float32)) @ up / SHADOW_SPAN + 0.5
    seen[:, 2] = -(positions @ towards)
    return seen
