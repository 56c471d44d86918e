"""A job's person: which references are carried, which aren't and why, and what a description changes."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models.influencer import Appearance
from models.shot import shot_named
from pipelines.embedded.appearance import as_described
from pipelines.embedded.carry.carrier import Carried
from pipelines.embedded.carry.fitness import MOST_OFF, MOST_UNEXPLAINED, SMALLEST, WIDEST, by_light, by_place
from pipelines.embedded.carry.style import shown_style, with_style
from pipelines.embedded.drawing.drawn import draw
from pipelines.embedded.drawing.samples import Kind
from pipelines.embedded.fit import USUAL
from pipelines.embedded.people.code import STYLES
from pipelines.embedded.people.head import MORE_STYLES
from pipelines.embedded.people.points import camera_of
from pipelines.embedded.people.view import View, sample_view
from pipelines.embedded.person import Person
from pipelines.embedded.profile import Embedded
from tests.support.pictures.portraits import references_of

SIZE = 256
MAYA, JONAS = references_of("maya")[:2], references_of("jonas")[:2]


def read(engine: Embedded, references: list[Image.Image], **stated: str) -> Person:
    person: Person = engine.pipe.read(references, Appearance.model_validate(stated), SIZE)
    return person


def picture(person: Person) -> Carried:
    return person.carrier.picture(sample_view(np.random.default_rng(0), shot_named("front")), SIZE)


def whole(carried: Carried, kind: Kind) -> np.ndarray:
    """The pixels (k,) that show nothing but that."""
    samples = carried.drawn.samples
    return np.asarray(samples.pixel[(samples.kind == kind) & (samples.share == 1)])


def test_a_persons_references_are_carried(engine: Embedded) -> None:
    person = read(engine, MAYA)
    assert len(person.carrier.references) == 2
    assert person.left_out == ()
    carried = picture(person)
    assert carried.share.ravel()[whole(carried, Kind.FACE)].mean() > 0.5
    assert carried.share.ravel()[whole(carried, Kind.HAIR)].mean() > 0.3


def test_hair_that_is_stated_is_drawn_and_the_face_still_carried(engine: Embedded) -> None:
    carried = picture(read(engine, MAYA, hairColor="blue"))
    hair, face = whole(carried, Kind.HAIR), whole(carried, Kind.FACE)
    assert not carried.share.ravel()[hair].any()
    assert carried.share.ravel()[face].mean() > 0.5
    red, _, blue = carried.picture.reshape(-1, 3)[hair].mean(0)
    assert blue > red + 0.05


def test_a_hair_style_that_is_stated_keeps_the_colour_that_references_show(engine: Embedded) -> None:
    shown, cut = read(engine, MAYA).carrier, read(engine, MAYA, hairStyle="long").carrier
    assert not cut.carries_hair
    assert not np.array_equal(cut.code, shown.code)
    assert np.array_equal(cut.looks.hair, shown.looks.hair)


def worn_pictures(engine: Embedded, style: str) -> tuple[np.ndarray, list[View], list[np.ndarray]]:
    """The code, views and pictures of somebody who wears a style that no code contains."""
    drawer, code = engine.pipe.drawer, engine.pipe.make_up(3, Appearance()).code
    code = with_style(drawer, code, STYLES.index(MORE_STYLES[style]))
    views = [sample_view(np.random.default_rng(2), shot_named(shot)) for shot in ("front", "smile")]
    wearing = replace(drawer, worn=style)
    return code, views, [draw(wearing, code, view, SIZE).picture for view in views]


@pytest.mark.parametrize("style", MORE_STYLES)
def test_references_show_styles_that_no_code_contains(engine: Embedded, style: str) -> None:
    code, views, pictures = worn_pictures(engine, style)
    cameras = np.stack([camera_of(view) for view in views])
    sure = np.eye(len(STYLES))[STYLES.index(MORE_STYLES[style])]
    drawer, shown = shown_style(engine.pipe.drawer, code, sure, cameras, pictures)
    assert drawer.worn == style
    assert np.array_equal(shown, code)


def test_such_a_style_is_worn_until_another_is_stated(engine: Embedded) -> None:
    _, _, pictures = worn_pictures(engine, "bob02")
    shown = read(engine, [Image.fromarray((pictures[0] * 255).astype(np.uint8))]).carrier
    assert shown.drawer.worn == "bob02"
    coder, directions = shown.drawer.coder, engine.pipe.directions
    for stated, worn in (("bob", "bob02"), ("afro", None)):
        code = as_described(shown.code, Appearance(hair_style=stated), coder, directions)
        assert shown.described(code).drawer.worn == worn


@pytest.mark.parametrize(
    ("references", "stated"), [(MAYA, {"gender": "male"}), (JONAS, {"ethnicity": "Nigerian"})]
)
def test_of_a_person_who_is_described_otherwise_nothing_is_carried(
    engine: Embedded, references: list[Image.Image], stated: dict[str, str]
) -> None:
    person = read(engine, references, **stated)
    assert person.carrier.references == ()
    assert [(one.index, one.reason) for one in person.left_out] == [
        (0, "DESCRIBED_OTHERWISE"),
        (1, "DESCRIBED_OTHERWISE"),
    ]
    assert not picture(person).share.any()


def test_what_cannot_be_carried_is_named_and_the_rest_is_carried(engine: Embedded) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8))
    odd = [Image.new("RGB", (256, 256)), MAYA[0], noise, MAYA[1].transpose(Image.Transpose.ROTATE_180)]
    person = read(engine, odd)
    assert [one.index for one in person.left_out] == [0, 2, 3]
    assert all(one.message and not one.message.endswith(".") for one in person.left_out), "part of a sentence"
    assert len(person.carrier.references) == 1
    assert picture(person).share.max() > 0.5


def camera(yaw: float) -> np.ndarray:
    turned = USUAL.copy()
    turned[0] = yaw
    return turned


def test_limits_of_place() -> None:
    assert by_place(0, camera(WIDEST - 1), SMALLEST + 0.1, MOST_OFF / 2) is None
    reasons = [
        by_place(3, camera(-WIDEST - 1), 0.5, 0.001),
        by_place(3, camera(0), SMALLEST - 0.01, 0.001),
        by_place(3, camera(0), 0.5, MOST_OFF * 1.1),
        by_place(3, camera(0), 0.5, float("nan")),
    ]
    assert [one and (one.index, one.reason) for one in reasons] == [
        (3, "TURNED"),
        (3, "SMALL"),
        (3, "NOT_FITTED"),
        (3, "NOT_FITTED"),
    ]


def test_limits_of_light() -> None:
    assert by_light(1, MOST_UNEXPLAINED / 2) is None
    for error in (MOST_UNEXPLAINED * 1.1, float("nan"), float("inf")):
        found = by_light(1, error)
        assert found
        assert (found.index, found.reason) == (1, "LIGHT_NOT_FITTED")


def test_a_made_up_person_has_nothing_to_carry(engine: Embedded) -> None:
    person = engine.pipe.make_up(1, Appearance())
    assert person.left_out == ()
    assert not picture(person).share.any()
