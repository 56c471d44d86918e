"""The fit of a shape to points, on the basis that is shipped: points of a known face, put where it puts them."""

from dataclasses import dataclass

import numpy as np
import pytest

from pipelines.embedded.fit import USUAL, Found, fit_shape
from pipelines.embedded.nets.person import PersonArrays
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.points import CAMERA, Points
from pipelines.sources import EMBEDDED
from pipelines.weights import WeightStore

PEOPLE = 4
PICTURES = 3
NOISE = 0.003  # parts of the picture's side: less than a pixel
FIRST = 8
"""The components that move a face most."""


@dataclass(frozen=True)
class Known:
    """People whose shape is known, and what was seen of each."""

    points: Points
    prior: Floats
    shapes: Floats  # (PEOPLE, K)
    cameras: list[Floats]  # of each (PICTURES, 12)
    found: list[list[Found]]

    def fit(self, person: int, found: list[Found] | None = None) -> tuple[Floats, Floats]:
        return fit_shape(self.points, self.prior, self.found[person] if found is None else found)


@pytest.fixture(scope="module")
def known(shipped: WeightStore) -> Known:
    """From the folder alone, without the assets that it was made of."""
    person = PersonArrays.from_pretrained(shipped.folder(EMBEDDED) / "person")
    drawer = Drawer.of(person.arrays())
    points, prior = drawer.points, drawer.coder.prior()
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(PEOPLE, len(prior))) * prior
    cameras = [_cameras(rng) for _ in range(PEOPLE)]
    found = []
    for shape, views in zip(shapes, cameras, strict=True):
        places = points.project(np.tile(shape, (PICTURES, 1)), views)
        noisy = places + rng.normal(0, NOISE, places.shape)
        found.append([Found(each, np.full(len(each), NOISE)) for each in noisy])
    return Known(points, prior, shapes, cameras, found)


def _cameras(rng: np.random.Generator) -> Floats:
    """A head from the left, from the front and from the right."""
    cameras = np.tile(USUAL, (PICTURES, 1))
    named = {name: cameras[:, column] for column, name in enumerate(CAMERA)}
    named["yaw"][:] = (-30, 0, 30)
    named["body_yaw"][:] = (-12, 0, 12)
    named["pitch"][:] = rng.normal(0, 6, PICTURES)
    named["roll"][:] = rng.normal(0, 3, PICTURES)
    named["zoom"][:] = rng.uniform(0.9, 1.2, PICTURES)
    for column in range(7, len(CAMERA)):
        cameras[:, column] = rng.uniform(0, 0.3, PICTURES)
    return cameras


@pytest.fixture(scope="module")
def fitted(known: Known) -> list[tuple[Floats, Floats]]:
    """Shape and cameras of each person, from all pictures."""
    return [known.fit(person) for person in range(PEOPLE)]


def explained(known: Known, shapes: list[Floats]) -> float:
    """The part of the first components' variance between people that the shapes get right: R²."""
    true, said = known.shapes[:, :FIRST], np.stack(shapes)[:, :FIRST]
    return float(1 - np.square(true - said).sum() / np.square(true).sum())


def test_a_face_is_found_from_points_of_three_pictures(
    known: Known, fitted: list[tuple[Floats, Floats]]
) -> None:
    assert explained(known, [shape for shape, _ in fitted]) > 0.95


def test_so_is_the_way_each_head_is_turned(known: Known, fitted: list[tuple[Floats, Floats]]) -> None:
    for (_, cameras), true in zip(fitted, known.cameras, strict=True):
        assert cameras.shape == (PICTURES, len(CAMERA))
        assert cameras[:, 0] == pytest.approx(true[:, 0], abs=2)
        assert cameras[:, 4] == pytest.approx(true[:, 4], abs=0.1)


def test_three_pictures_tell_more_than_one(known: Known, fitted: list[tuple[Floats, Floats]]) -> None:
    front = [known.fit(person, known.found[person][1:2])[0] for person in range(PEOPLE)]
    assert explained(known, [shape for shape, _ in fitted]) > explained(known, front) + 0.01


def test_a_stray_point_does_no_harm(known: Known, fitted: list[tuple[Floats, Floats]]) -> None:
    first, *rest = known.found[0]
    places = first.places.copy()
    places[7] += 0.3  # a hundred times as far as it is said to be at most
    shape, _ = known.fit(0, [Found(places, first.spread), *rest])
    assert np.abs(shape - fitted[0][0])[:FIRST].max() < 0.2


def test_points_that_are_not_trusted_leave_the_average_person(known: Known) -> None:
    vague = [Found(each.places, np.full(len(each.places), 10.0)) for each in known.found[0]]
    shape, cameras = known.fit(0, vague)
    assert np.abs(shape).max() < 0.1
    assert np.isfinite(cameras).all()


def test_points_in_one_place_give_finite_numbers(known: Known) -> None:
    count = len(known.points.mean)
    heap = Found(np.full((count, 2), 0.5), np.full(count, NOISE))
    shape, cameras = known.fit(0, [heap])
    assert np.isfinite(shape).all()
    assert np.isfinite(cameras).all()
