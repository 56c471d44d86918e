"""References carried into views: of a person who is drawn, so that what they must show is known."""

from dataclasses import dataclass

import numpy as np
import pytest

from models.influencer import Appearance
from models.shot import Shot
from pipelines.embedded.carry.carrier import Carried, Carrier
from pipelines.embedded.carry.looks import iris_shown
from pipelines.embedded.carry.reference import NoSkin, Reference
from pipelines.embedded.drawing.drawn import draw
from pipelines.embedded.drawing.lips import from_meeting_lips
from pipelines.embedded.drawing.samples import Kind, Samples
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import BROWS, part, read_looks
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.head import EARS, MOUTH, Material
from pipelines.embedded.people.points import camera_of
from pipelines.embedded.people.view import View, sample_view
from pipelines.embedded.profile import Embedded

SIZE = 256


def view(yaw: float, seed: int) -> View:
    return sample_view(np.random.default_rng(seed), Shot(name="any", yaw=yaw))


@dataclass(frozen=True)
class Known:
    """A person of whom a code was read wrongly: brows and lips are others."""

    drawer: Drawer
    true: Floats
    read: Floats

    def picture(self, of: View) -> Floats:
        return draw(self.drawer, self.true, of, SIZE).picture

    def reference(self, of: View) -> Reference:
        return Reference.of(self.drawer, self.read, camera_of(of), self.picture(of))

    def carried(self, into: View, *references: View) -> Carried:
        """Without the tint that stands for what lights usually are: here they are known."""
        looks = read_looks(self.drawer.coder.split(self.read[None])[1][0])[0]
        shown = tuple(self.reference(one) for one in references)
        return Carrier(self.drawer, self.read, looks, shown).picture(into, SIZE)


@pytest.fixture(scope="module")
def known(engine: Embedded) -> Known:
    drawer = engine.pipe.drawer
    read = engine.pipe.make_up(3, Appearance()).code
    coder = drawer.coder
    looks = read[coder.shape_size :] * coder.looks_spread + coder.looks_mean
    looks[part("brow_style")] = np.roll(looks[part("brow_style")], BROWS // 2)
    looks[part("lips")] = 0.75, 0.2, 0.25
    standard = (looks - coder.looks_mean) / coder.looks_spread
    return Known(drawer, np.concatenate([read[: coder.shape_size], standard]).astype(np.float32), read)


FRONT, TURNED = view(0.0, 1), view(18.0, 2)


def off(picture: Floats, truth: Floats, where: np.ndarray) -> float:
    return float(np.abs(picture - truth)[where].mean())


def test_a_reference_carried_into_its_own_view_is_what_it_was(known: Known) -> None:
    carried = known.carried(FRONT, FRONT)
    sure = carried.share > 0.6
    assert sure.mean() > 0.1
    assert off(carried.picture, known.picture(FRONT), sure) < 0.015


def test_in_another_view_it_is_nearer_to_the_truth_than_what_was_read(known: Known) -> None:
    carried, truth = known.carried(TURNED, FRONT), known.picture(TURNED)
    alone = draw(known.drawer, known.read, TURNED, SIZE).picture
    misread = (np.abs(alone - truth).max(2) > 0.08) & (carried.share > 0.6)
    assert misread.sum() > 200
    assert off(carried.picture, truth, misread) < 0.3 * off(alone, truth, misread)


def test_without_a_reference_it_is_the_drawing(known: Known) -> None:
    carried = Carrier.of(known.drawer, known.read).picture(TURNED, SIZE)
    assert not carried.share.any()
    assert np.array_equal(carried.picture, draw(known.drawer, known.read, TURNED, SIZE).picture)


def test_shares_are_shares_and_the_backdrop_has_none(known: Known) -> None:
    carried = known.carried(TURNED, FRONT, view(-15.0, 5), view(20.0, 6))
    assert carried.share.shape == (SIZE, SIZE)
    assert carried.share.min() >= 0
    assert carried.share.max() <= 1 + 1e-5
    assert not carried.share[carried.drawn.cover == 0].any()
    assert np.isfinite(carried.picture).all()


def test_the_shirt_is_the_views_own(known: Known) -> None:
    carried = known.carried(TURNED, FRONT)
    cloth = carried.drawn.samples.kind == Kind.CLOTH
    assert cloth.any()
    assert not carried.share.ravel()[
        carried.drawn.samples.pixel[cloth & (carried.drawn.samples.share == 1)]
    ].any()


FINE = {
    "eyes": lambda samples: samples.kind == Kind.EYE,
    "ears": lambda samples: samples.marks[:, EARS] > 0.8,
    "nostrils": lambda samples: near(samples, 0.095, 6.855, 0.05) & (samples.anchor[:, 2] > 1.45),
    "neck": lambda samples: (samples.kind == Kind.FACE) & (samples.anchor[:, 1] < 6.1),
}


def near(samples: Samples, x: float, y: float, reach: float) -> np.ndarray:
    place = np.stack([np.abs(samples.anchor[:, 0]) - x, samples.anchor[:, 1] - y])
    return np.asarray(np.linalg.norm(place, axis=0) < reach)


@pytest.mark.parametrize("name", FINE)
def test_what_is_finer_than_the_fit_is_drawn(known: Known, name: str) -> None:
    """Carried, nostrils and lashes show as flecks and doubled lines, and necks as blotches."""
    carried = known.carried(TURNED, FRONT)
    samples = carried.drawn.samples
    there = samples.pixel[FINE[name](samples)]
    assert len(there) > 10
    assert carried.share.ravel()[there].max() < 0.02


def test_cheeks_and_brows_are_carried(known: Known) -> None:
    carried = known.carried(FRONT, FRONT)
    for x, y in ((0.45, 6.95), (0.3, 7.5)):
        there = carried.drawn.samples.pixel[near(carried.drawn.samples, x, y, 0.05)]
        assert np.median(carried.share.ravel()[there]) > 0.9


def test_closed_lips_meet_in_a_drawn_line(known: Known) -> None:
    """A reference's teeth, seen between its lips, aren't carried onto them."""
    closed = View(**{**FRONT.__dict__, "expression": np.zeros(5, np.float32)})
    carried = known.carried(closed, FRONT)
    samples, scene = carried.drawn.samples, carried.drawn.scene
    between = samples.at(scene.figure.marks[:, MOUTH]) > 0.3
    assert between.any()
    assert carried.share.ravel()[samples.pixel[between]].max() < 0.05


def test_an_open_mouth_has_a_tongue_that_lies_behind_its_teeth(known: Known) -> None:
    opened = View(**{**FRONT.__dict__, "expression": np.array([0.8, 0.5, 0, 0, 0], np.float32)})
    drawn = draw(known.drawer, known.read, opened, SIZE)
    teeth, tongue = (drawn.samples.material == part for part in (Material.TEETH, Material.TONGUE))
    assert teeth.any()
    figure = drawn.scene.figure
    top, tip = (
        figure.positions[figure.triangles[figure.materials == part]].reshape(-1, 3).max(0)
        for part in (Material.TEETH, Material.TONGUE)
    )
    assert tongue.any()
    assert (tip < top)[1:].all(), "neither above nor in front of them"


def test_closed_lips_meet_in_an_even_line(known: Known) -> None:
    closed = View(**{**FRONT.__dict__, "expression": np.zeros(5, np.float32), "roll": 0.0})
    drawn = draw(known.drawer, known.read, closed, 512)
    away, shown = from_meeting_lips(drawn.samples, closed)
    columns = np.flatnonzero(shown == 1)[5:-5]
    assert len(columns) > 20
    grey = drawn.picture.mean(2)[:, columns]
    line = np.array([grey[row, k] for k, row in enumerate(away[:, columns].argmin(0))])
    lips = np.array(
        [
            column[(away[:, at] > 4) & (away[:, at] < 6)].mean()
            for column, at in zip(grey.T, columns, strict=True)
        ]
    )
    dark = line / lips
    assert dark.max() < 0.85, "no bright pixel"
    assert np.abs(np.diff(dark)).max() < 0.25, "no row of dots"


@pytest.mark.parametrize("yaw", [-88.0, 88.0, 180.0])
def test_any_view_can_be_asked_for(known: Known, yaw: float) -> None:
    """From the side one eye is hidden, from behind both are."""
    turned = View(**{**TURNED.__dict__, "yaw": yaw, "body_yaw": yaw})
    carried = known.carried(turned, FRONT)
    assert np.isfinite(carried.picture).all()
    assert np.isfinite(carried.share).all()


def test_a_view_that_misses_the_person_is_its_backdrop(known: Known) -> None:
    carried = known.carried(View(**{**TURNED.__dict__, "shift_x": 50.0}), FRONT)
    assert not carried.share.any()
    assert np.isfinite(carried.picture).all()


def test_a_reference_without_skin_is_no_reference(known: Known) -> None:
    away = View(**{**FRONT.__dict__, "shift_x": 50.0})
    with pytest.raises(NoSkin):
        known.reference(away)


@pytest.mark.parametrize("size", [64, 144])
def test_pictures_may_be_small(known: Known, size: int) -> None:
    carried = Carrier.of(known.drawer, known.read, [known.reference(FRONT)]).picture(TURNED, size)
    assert carried.picture.shape == (size, size, 3)
    assert carried.share.max() > 0.5


@pytest.mark.parametrize(
    ("iris", "others"),
    [
        ((0.06, 0.02, 0.01), 0.0),
        ((0.06, 0.02, 0.01), 0.55),
        ((0.18, 0.31, 0.32), 0.0),
        ((0.18, 0.31, 0.32), 0.5),
    ],
)
def test_an_iris_keeps_its_colour_where_more_than_the_iris_was_sampled(
    iris: tuple[float, float, float], others: float
) -> None:
    chance = np.random.default_rng(7)
    shown = np.array(iris) * chance.normal(1, 0.15, (400, 1))
    # Grey, from a lid's shadow to the white of the eye.
    grey = np.repeat(chance.uniform(0.01, 0.9, (int(400 * others), 1)), 3, 1)
    samples = np.concatenate([shown[len(grey) :], grey])
    np.testing.assert_allclose(iris_shown(samples), iris, rtol=0.15)
