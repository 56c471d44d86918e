"""Reading references: whom they show doesn't depend on which of a person's pictures there are."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import part
from pipelines.embedded.pipeline import READ_AT, LikenessPipeline
from pipelines.embedded.profile import Embedded
from pipelines.embedded.reading import person_of, read_pictures, to_pictures
from tests.support.pictures.portraits import reading_of, references_of, yaws_of

PERSONAS = ("maya", "jonas", "robin")


@pytest.fixture(scope="module")
def pipe(engine: Embedded) -> LikenessPipeline:
    loaded = engine.pipe
    assert isinstance(loaded, LikenessPipeline)
    return loaded


def test_pictures_are_squares_from_black_to_white() -> None:
    references = [Image.new("RGB", (300, 900)), Image.new("RGB", (900, 70), (255, 255, 255))]
    pictures = to_pictures(references, 256)
    assert pictures.shape == (2, 3, 256, 256)
    assert (pictures[0] == -1).all()
    assert (pictures[1] == 1).all()


def test_points_lie_on_the_face_and_their_spread_is_small(pipe: LikenessPipeline) -> None:
    reading = reading_of(pipe, references_of("maya")[:2])
    assert reading.places.shape == (2, len(pipe.drawer.points.mean), 2)
    middle = np.median(reading.places, 1)
    assert ((middle > 0.3) & (middle < 0.7)).all()
    assert (reading.spreads > 0).all()
    assert np.median(reading.spreads) < 0.1


def test_points_follow_the_head_when_it_is_told_where_that_is(pipe: LikenessPipeline) -> None:
    (reference, *_) = references_of("maya")
    moved = Image.new("RGB", reference.size, (128, 128, 128))
    moved.paste(reference, (reference.width // 8, 0))
    pictures = to_pictures([reference, moved], READ_AT)
    with torch.inference_mode():
        box = pipe.finder(torch.nn.functional.interpolate(pictures[:1], (64, 64), mode="area"))
        boxes = torch.cat([box, box + torch.tensor([1 / 8, 0, 0])])
        reading = read_pictures(None, pipe.reader, pictures, boxes)
    right, down = np.median(reading.places[1] - reading.places[0], 0)
    assert right == pytest.approx(1 / 8, abs=0.02)
    assert down == pytest.approx(0, abs=0.02)


def test_some_of_the_pictures_are_read_as_they_were_among_all(pipe: LikenessPipeline) -> None:
    references = references_of("maya")[:3]
    whole, alone = reading_of(pipe, references), reading_of(pipe, references[2:])
    kept = whole.only([2])
    for one, other in ((kept.places, alone.places), (kept.spreads, alone.spreads), (kept.looks, alone.looks)):
        assert one.shape == other.shape
        assert one == pytest.approx(other, abs=1e-3)


def test_other_pictures_of_a_person_are_read_as_nearer_than_other_people(pipe: LikenessPipeline) -> None:
    first = {name: pipe.code_of(reading_of(pipe, references_of(name)[:3])) for name in PERSONAS}
    rest = {name: pipe.code_of(reading_of(pipe, references_of(name)[3:])) for name in PERSONAS}
    for name in PERSONAS:
        away = {other: float(np.linalg.norm(first[name] - rest[other])) for other in PERSONAS}
        assert min(away, key=lambda other: away[other]) == name, away


def test_the_order_of_references_does_not_matter(pipe: LikenessPipeline) -> None:
    references = references_of("jonas")[:3]
    assert pipe.read(references).code == pytest.approx(pipe.read(references[::-1]).code, abs=1e-2)


def test_a_head_in_the_mirror_is_turned_the_other_way(pipe: LikenessPipeline) -> None:
    left, right = references_of("jonas")[5], references_of("jonas")[4]  # rendered at -30 and 23 degrees
    turned = yaws_of(pipe, [left, right])
    assert turned[0] < -10 < 10 < turned[1]
    mirrored = yaws_of(pipe, [ImageOps.mirror(left), ImageOps.mirror(right)])
    assert mirrored == pytest.approx([-yaw for yaw in turned], abs=8)


def test_a_code_has_one_hair_style_and_one_shape_of_brows(pipe: LikenessPipeline) -> None:
    code = pipe.read(references_of("robin")[:2]).code
    assert code.shape == (pipe.drawer.coder.size,)
    assert np.isfinite(code).all()
    _, looks = pipe.drawer.coder.split(code)
    for name in ("hair_style", "brow_style"):
        assert sorted(looks[part(name)])[-2:] == pytest.approx([0, 1], abs=1e-3)


def test_looks_are_those_of_the_average_picture(pipe: LikenessPipeline) -> None:
    points, prior = pipe.drawer.points, pipe.drawer.coder.prior()
    reading = reading_of(pipe, references_of("maya")[:2])
    codes: list[Floats] = [person_of(reading.only([row]), points, prior) for row in (0, 1)]
    both = person_of(reading, points, prior)
    size = pipe.drawer.coder.shape_size
    assert both[size:] == pytest.approx((codes[0][size:] + codes[1][size:]) / 2, abs=1e-4)
