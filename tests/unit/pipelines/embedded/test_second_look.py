"""Looks at references of a person who is drawn, so that what was misread is known."""

from dataclasses import dataclass

import numpy as np
import pytest

from models.influencer import Appearance
from models.shot import Shot
from pipelines.embedded.carry.reference import Reference
from pipelines.embedded.carry.second_look import _Drawing, second_look
from pipelines.embedded.drawing.drawn import draw
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import BROWS, part
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.points import camera_of
from pipelines.embedded.people.view import sample_view
from pipelines.embedded.profile import Embedded

SIZE = 256
VIEWS = [
    sample_view(np.random.default_rng(number), Shot(name="any", yaw=yaw))
    for number, yaw in enumerate((-15, 0, 20))
]
CAMERAS = np.stack([camera_of(view) for view in VIEWS])


@dataclass(frozen=True)
class Misread:
    """A person whose shape and brows the reader got wrong."""

    drawer: Drawer
    read: Floats
    shape: Floats
    """By how much the true one differs."""
    looks: Floats
    """The true ones, as a code has them."""

    def true(self, misread_shape: float) -> Floats:
        size = self.drawer.coder.shape_size
        return np.concatenate([self.read[:size] + misread_shape * self.shape, self.looks]).astype(np.float32)

    def pictures(self, true: Floats) -> list[Floats]:
        return [draw(self.drawer, true, view, SIZE).picture for view in VIEWS]


@pytest.fixture(scope="module")
def misread(engine: Embedded) -> Misread:
    drawer = engine.pipe.drawer
    coder = drawer.coder
    read = engine.pipe.make_up(3, Appearance()).code
    looks = read[coder.shape_size :] * coder.looks_spread + coder.looks_mean
    looks[part("brow_style")] = np.roll(looks[part("brow_style")], BROWS // 2)
    shape = coder.prior() * np.random.default_rng(8).normal(size=coder.shape_size)
    return Misread(drawer, read, shape, (looks - coder.looks_mean) / coder.looks_spread)


def test_a_misread_shape_is_corrected(misread: Misread) -> None:
    size, true = misread.drawer.coder.shape_size, misread.true(0.5)
    found, _ = second_look(misread.drawer, misread.read, CAMERAS, misread.pictures(true))
    before, after = (np.linalg.norm((code - true)[:size]) for code in (misread.read, found))
    assert after < 0.85 * before


def test_a_drawing_takes_on_what_other_references_show(misread: Misread) -> None:
    first, *others = misread.pictures(misread.true(0))
    shown = [
        Reference.of(misread.drawer, misread.read, camera, picture)
        for camera, picture in zip(CAMERAS, (first, *others), strict=True)
    ]
    plain = _Drawing.of(misread.drawer, misread.read, CAMERAS[0], shown[0].light)
    alike = plain.with_skin_of(shown[1:])
    off = [np.abs(drawing.before(first) - first).max(2) for drawing in (plain, alike)]
    brows = off[0] > 0.15
    assert brows.sum() > 100
    assert off[1][brows].mean() < 0.7 * off[0][brows].mean()
