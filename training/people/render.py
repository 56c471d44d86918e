"""A person and a view → a picture."""

import numpy as np

from pipelines.embedded.drawing.light import Light, as_lamp_sees, film, shadow_map
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.backdrop import paint_backdrop
from pipelines.embedded.people.head import Head, assemble
from pipelines.embedded.people.pose import pose
from pipelines.embedded.people.textures import Textures
from pipelines.embedded.people.view import View
from training.people.identity import Identity
from training.people.raster import rasterise
from training.people.shade import Scene, shade


def render(
    head: Head, textures: Textures, person: Identity, view: View, *, size: int, sampling: int = 2
) -> np.ndarray:
    """sRGB, (size, size, 3) uint8; each pixel is the mean of `sampling`² rays."""
    figure = assemble(head, person.body, view.expression, person.hair)
    posed = pose(figure, view)
    surface = rasterise(posed.screen, figure.triangles, size * sampling)
    backdrop = paint_backdrop(view.backdrop, size)
    light = Light.of(view.lamp, backdrop.mean((0, 1)))
    towards = light.towards()
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
        light.lamp,
        light.sky,
        light.ground,
        as_lamp_sees(posed.positions, towards),
        shadow_map(figure, posed, towards, rasterise),
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
    """Linear light to sRGB bytes."""
    return np.asarray(film(light) * 255 + 0.5, np.uint8)
