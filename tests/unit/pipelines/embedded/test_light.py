"""Light on drawings, and a reference's light found again."""

import numpy as np
import pytest

from pipelines.embedded.carry.lamp import fit_light
from pipelines.embedded.drawing.albedo import albedo
from pipelines.embedded.drawing.light import Light, fall, film, shadow_map, unfilm
from pipelines.embedded.drawing.samples import Kind, Scene, sampled
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.view import sample_view
from pipelines.embedded.profile import Embedded


def test_what_film_does_is_undone() -> None:
    light = np.linspace(0, 1.2, 300, dtype=np.float32)
    assert unfilm(film(light)) == pytest.approx(light, abs=2e-3)
    shown = np.linspace(0, 1, 256, dtype=np.float32)
    assert film(unfilm(shown)) == pytest.approx(shown, abs=2e-3)
    assert (np.diff(film(light)) > 0).all()


def test_film_bears_any_light() -> None:
    light = np.array([-1, 0, 50, 1e6], np.float32)
    assert film(light).tolist() == [0, 0, 1, 1]
    assert np.isfinite(unfilm(np.array([-0.5, 0, 1, 2], np.float32))).all()


LIGHTS = {"from the left": (-40.0, 30.0), "from the right": (55.0, 20.0), "from above": (5.0, 50.0)}


@pytest.mark.parametrize("name", LIGHTS)
def test_a_light_is_found_from_what_it_falls_on(engine: Embedded, name: str) -> None:
    drawer: Drawer = engine.pipe.drawer
    azimuth, elevation = LIGHTS[name]
    sky, ground, lamp = (
        np.array(c, np.float32) for c in ((0.4, 0.45, 0.5), (0.3, 0.28, 0.25), (0.9, 0.8, 0.7))
    )
    light = Light(azimuth, elevation, lamp, sky, ground)
    code = np.zeros(drawer.coder.size, np.float32)
    scene = Scene.of(drawer, drawer.decided(code), sample_view(np.random.default_rng(4)))
    samples = sampled(scene, 128, drawer.rasteriser, smooth_edges=False)
    painted = albedo(scene, samples, drawer.textures)
    on_it = fall(samples, light, shadow_map(scene.figure, scene.posed, light.towards(), drawer.rasteriser))
    plain = np.flatnonzero((samples.kind == Kind.FACE) & (painted.feature < 0.05) & (samples.facing > 0.35))
    seen = painted.colour * on_it.onto
    found, error = fit_light(
        scene, samples.only(plain), painted.colour[plain], seen[plain], drawer.rasteriser
    )
    assert error < 0.03
    assert found.towards() @ light.towards() > np.cos(np.deg2rad(20))
    again = fall(samples, found, shadow_map(scene.figure, scene.posed, found.towards(), drawer.rasteriser))
    off = np.abs(again.onto - on_it.onto)[plain].mean() / on_it.onto[plain].mean()
    assert off < 0.06
