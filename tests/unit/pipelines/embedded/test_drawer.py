import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.embedded.drawing.drawn import draw
from pipelines.embedded.drawing.light import Light, fall
from pipelines.embedded.drawing.samples import Kind, Scene, sampled
from pipelines.embedded.people.arrays import Arrays
from pipelines.embedded.people.code import part
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.head import HAIR_STYLES, NO_HAIR, Material
from pipelines.embedded.people.packed import unpacked
from pipelines.embedded.people.view import View, sample_view

STYLES = (*HAIR_STYLES, NO_HAIR)


def view(yaw: float = 0.0, seed: int = 0) -> View:
    drawn = sample_view(np.random.default_rng(seed))
    return View(**{**drawn.__dict__, "yaw": yaw, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0})


def code_with(drawer: Drawer, **parts: list[float] | np.ndarray) -> np.ndarray:
    """The average shape (CODE,), with these parts of the looks."""
    looks = drawer.coder.looks_mean.copy()
    for name, values in parts.items():
        looks[part(name)] = values
    shape = np.zeros(drawer.coder.shape_size, np.float32)
    return drawer.coder.join(shape, looks)


def one_hot(size: int, which: int) -> np.ndarray:
    return np.asarray(np.eye(size)[which])


def test_every_sample_is_one_thing_and_a_pixel_is_no_more_than_whole(drawer: Drawer) -> None:
    rng = np.random.default_rng(2)
    for seed in range(8):
        code = rng.normal(0, 1, drawer.coder.size).astype(np.float32)
        drawn = draw(drawer, code, sample_view(np.random.default_rng(seed)), 48)
        samples = drawn.samples
        assert drawn.picture.shape == (48, 48, 3)
        assert np.isfinite(drawn.picture).all()
        assert (drawn.picture >= 0).all()
        assert (drawn.picture <= 1).all()
        assert set(np.unique(samples.kind)) <= set(Kind) - {Kind.NOTHING}
        shares = np.bincount(samples.pixel, samples.share, 48**2)
        assert set(np.unique(shares)) <= {0, 0.25, 0.5, 0.75, 1}
        assert drawn.cover.ravel() == pytest.approx(shares)
        assert samples.weights.sum(1) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("style", STYLES)
def test_hair_is_drawn_where_there_is_some(drawer: Drawer, style: str) -> None:
    code = code_with(drawer, hair_style=one_hot(len(STYLES), STYLES.index(style)), hair=[0.9, 0.1, 0.1])
    drawn = draw(drawer, code, view(), 64)
    hair = drawn.samples.kind == Kind.HAIR
    assert hair.any() == (style != NO_HAIR)
    red, green, blue = drawn.albedo.colour[hair].T
    assert (red > 20 * green).all(), "strands are darker and lighter, and of one colour"
    assert np.allclose(green, blue)


def test_a_turned_face_has_its_eyes_on_that_side(drawer: Drawer) -> None:
    code = code_with(drawer, hair_style=one_hot(len(STYLES), STYLES.index(NO_HAIR)))
    left, middle, right = (
        (samples.pixel[samples.kind == Kind.EYE] % 64).mean()
        for samples in (draw(drawer, code, view(yaw), 64).samples for yaw in (-25, 0, 25))
    )
    assert left < middle - 3
    assert right > middle + 3


def test_the_shirt_is_below_the_skin(drawer: Drawer) -> None:
    code = code_with(drawer, hair_style=one_hot(len(STYLES), STYLES.index(NO_HAIR)), skin=[0.5, 0.6, 0.7])
    told = view()
    outfit = told.outfit._replace(neckline=6.5, plunge=0.0, striped=1.0, stripes=30.0)
    drawn = draw(drawer, code, View(**{**told.__dict__, "outfit": outfit}), 64)
    kind, row = drawn.samples.kind, drawn.samples.pixel // 64
    assert row[kind == Kind.FACE].mean() < row[kind == Kind.CLOTH].mean() - 5
    below = 6.5 - drawn.samples.anchor[:, 1]
    cloth = (kind == Kind.CLOTH) & (np.abs(drawn.samples.anchor[:, 0]) < 0.5)
    stripes = drawn.albedo.colour[cloth & (below > 0.1), 0]
    hem = drawn.albedo.colour[cloth & (below > 0.03) & (below < 0.06), 0]
    assert len(np.unique(stripes.round(3))) == 2  # of two colours
    assert hem.max() < 0.9 * stripes.max()


def test_pixels_on_the_shirts_edge_show_skin_and_shirt(drawer: Drawer) -> None:
    """A hard edge would be a staircase: the shirt is painted on the same surface as the skin."""
    code = code_with(drawer, hair_style=one_hot(len(STYLES), STYLES.index(NO_HAIR)), skin=[0.9, 0.9, 0.9])
    outfit = view().outfit._replace(
        neckline=6.5, plunge=0.0, striped=0.0, colour=np.array([0.1, 0.1, 0.1], np.float32)
    )
    drawn = draw(drawer, code, View(**{**view().__dict__, "outfit": outfit}), 128)
    x, y, z = drawn.samples.anchor.T
    near = (np.abs(6.5 - y) < 0.03) & (np.abs(x) < 0.4) & (z > 1.2)
    green = drawn.albedo.colour[near, 1]
    assert green.max() > 0.3
    assert green.min() < 0.12
    assert ((green > 0.13) & (green < 0.27)).any()


def test_skin_that_faces_down_has_no_rim_of_sky(drawer: Drawer) -> None:
    """In the renderer it has one, which shows as a grey line under the chin."""
    code = code_with(drawer, hair_style=one_hot(len(STYLES), 0))
    scene = Scene.of(drawer, code, view())
    samples = sampled(scene, 96, drawer.rasteriser)
    sky = Light(0, 30, *(np.full(3, level, np.float32) for level in (0.0, 1.0, 0.0)))
    with_it, without = (fall(samples, sky, None, as_renderer=same).gloss for same in (True, False))
    skin = samples.material == Material.SKIN
    down = skin & (samples.normal[:, 1] < -0.3)
    assert with_it[down].max() > 0.01
    assert without[down].max() == 0
    assert np.array_equal(without[~skin], with_it[~skin])
    up = skin & (samples.normal[:, 1] > 0)
    assert np.array_equal(without[up], with_it[up])


def test_a_glint_is_smaller_than_the_iris(drawer: Drawer) -> None:
    """The renderer's is as large, and looks like a clouded eye."""
    code = code_with(drawer, hair_style=one_hot(len(STYLES), STYLES.index(NO_HAIR)))
    scene = Scene.of(drawer, code, view())
    samples = sampled(scene, 256, drawer.rasteriser)
    lamp = Light(0, 0, *(np.full(3, level, np.float32) for level in (1.0, 0.0, 0.0)))
    eye = samples.material == Material.EYE
    as_renderer, drawn = (fall(samples, lamp, None, as_renderer=same).gloss[eye] for same in (True, False))
    assert 0 < (drawn > 0.05).mean() < 0.5 * (as_renderer > 0.05).mean()


def test_a_view_of_nothing_is_its_backdrop(drawer: Drawer) -> None:
    """A camera that looks past the person, as a fit of noise may have it."""
    code = code_with(drawer, hair_style=one_hot(len(STYLES), 0))
    drawn = draw(drawer, code, View(**{**view().__dict__, "shift_x": 50.0}), 48)
    assert not len(drawn.samples.pixel)
    assert not drawn.cover.any()
    assert np.isfinite(drawn.picture).all()


def test_a_decided_code_has_one_of_each(drawer: Drawer) -> None:
    code = np.random.default_rng(3).normal(0, 0.3, drawer.coder.size).astype(np.float32)
    _, looks = drawer.coder.split(drawer.decided(code))
    for name in ("hair_style", "brow_style"):
        assert sorted(looks[part(name)].round(4))[-2:] == [0, 1]


def test_whole_numbers_become_lengths_and_mirrored_vertices_come_back(tmp_path: Path) -> None:
    half = np.array([[[2, 4, 6], [0, 2, 2]]], np.int16)
    tenth = np.array([0.1], np.float32)
    stored: Arrays = {
        "head.base": half[0],
        "head.expressions": half,
        "shape.mean": half[0],
        "shape.components.first": half,
        "shape.components.rest": half.astype(np.int8),
    }
    scales: Arrays = {f"{name}.scale": tenth for name in stored}
    exact: Arrays = {
        "head.triangles": np.array([[0, 1, 2]], np.uint8),
        "head.eyes.weights": np.array([[0.5, 0.2]], np.float32),
        "mirror.source": np.array([0, 1, 0], np.uint16),
        "mirror.sign": np.array([1, 1, -1], np.int8),
    }
    arrays = unpacked({**stored, **scales, **exact})
    assert arrays["head.base"] == pytest.approx(
        np.array([[0.2, 0.4, 0.6], [0, 0.2, 0.2], [-0.2, 0.4, 0.6]]), abs=1e-6
    )
    assert arrays["shape.components"].shape == (2, 3, 3)
    assert arrays["head.triangles"].dtype == np.int32
    assert arrays["head.eyes.weights"] == pytest.approx(np.array([[0.5, 0.2, 0.3]]), abs=1e-6)
    assert not any("mirror" in name or "scale" in name for name in arrays)


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("pipelines.embedded", ("numpy", "torch")),
        ("pipelines.embedded.people.drawer", ("torch", "numba", "cv2")),
    ],
)
def test_importing_it_costs_little(module: str, absent: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {absent} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
