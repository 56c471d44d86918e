"""Draws a person in a view: the picture, and what it was made from."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.drawing.albedo import Albedo, albedo
from pipelines.embedded.drawing.light import Fall, Light, fall, film, shadow_map
from pipelines.embedded.drawing.lips import with_lips_that_meet
from pipelines.embedded.drawing.samples import Samples, Scene, sampled
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.backdrop import paint_backdrop
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.looks import Looks
from pipelines.embedded.people.view import View


@dataclass(frozen=True)
class Drawn:
    """A drawing and what it was made from. sRGB values are from 0 to 1."""

    picture: Floats  # (S, S, 3) sRGB
    scene: Scene
    samples: Samples
    albedo: Albedo
    fall: Fall
    cover: Floats  # (S, S) the part of a pixel that isn't backdrop


def draw(drawer: Drawer, code: Floats, view: View, size: int, looks: Looks | None = None) -> Drawn:
    """Draws the person of a code (CODE,) under the view's own light. `looks` replace the code's, if given."""
    scene = Scene.of(drawer, code, view, looks)
    samples = sampled(scene, size, drawer.rasteriser)
    painted = albedo(scene, samples, drawer.textures)
    backdrop = paint_backdrop(view.backdrop, size)
    light = Light.of(view.lamp, backdrop.mean((0, 1)))
    shadow = shadow_map(scene.figure, scene.posed, light.towards(), drawer.rasteriser)
    on_it = fall(samples, light, shadow, as_renderer=False)
    planes = np.concatenate(
        [painted.colour * on_it.onto + on_it.gloss, np.ones((len(samples.pixel), 1), np.float32)], 1
    )
    gathered = samples.gather(planes)
    cover = gathered[..., 3]
    picture = film(gathered[..., :3] + backdrop * (1 - cover[..., None]))
    picture = with_lips_that_meet(picture, samples, view)
    return Drawn(picture, scene, samples, painted, on_it, cover)
