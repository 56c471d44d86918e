"""People who are made up, on the arrays that are shipped: like the training people, and as they are described."""

from collections.abc import Callable

import numpy as np
import pytest

from models.influencer import Appearance
from models.shot import shot_named
from pipelines.embedded.appearance.hair import HAIR
from pipelines.embedded.appearance.looks import looks_of
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import STYLES, part
from pipelines.embedded.profile import Embedded
from pipelines.protocol import PlannedShot
from tests.support.pictures.portraits import references_of
from tests.support.weights.engines import Kept, difference

SHORT = {"short01", "short02", "short04", "afro01"}


def looks(engine: Embedded, seed: int, **stated: str) -> Callable[[str], Floats]:
    code = engine.pipe.make_up(seed, Appearance.model_validate(stated)).code
    vector = looks_of(code, engine.pipe.drawer.coder)
    return lambda name: vector[part(name)]


def hair_style(told: Callable[[str], Floats]) -> str:
    return STYLES[int(told("hair_style").argmax())]


def test_they_follow_from_seed_and_appearance(engine: Embedded) -> None:
    one, again, other = (engine.pipe.make_up(seed, Appearance()).code for seed in (5, 5, 6))
    assert (one == again).all()
    assert np.abs(one - other).max() > 1


def test_they_are_like_the_training_people(engine: Embedded) -> None:
    coder, directions = engine.pipe.drawer.coder, engine.pipe.directions
    codes = np.stack([engine.pipe.make_up(seed, Appearance()).code for seed in range(150)])
    shape, standard = codes[:, : coder.shape_size], codes[:, coder.shape_size :]
    # Mean 0 and spread 1, within what 150 people can be off.
    assert np.abs(standard.mean(0)).max() < 0.35
    assert 0.6 < standard.std(0).min() < standard.std(0).max() < 1.5
    spread = shape.std(0) / coder.prior()
    assert 0.4 < spread.min() < spread.max() < 1.1, "and a little alike, since faces look better so"
    assert (codes >= directions.lowest - 1e-4)[:, : coder.shape_size].all()
    assert (codes <= directions.highest + 1e-4)[:, : coder.shape_size].all()


def test_shape_goes_with_what_a_person_is(engine: Embedded) -> None:
    """Women's faces differ from men's as much as people's do."""
    size = engine.pipe.drawer.coder.shape_size
    women, men = (
        np.mean([engine.pipe.make_up(seed, Appearance(gender=gender)).code[:size] for seed in range(40)], 0)
        for gender in ("female", "male")
    )
    apart = (men - women) @ engine.pipe.directions.slopes[3, :size]
    expected = 0.92 * np.square(engine.pipe.directions.slopes[3, :size]).sum()
    assert apart == pytest.approx(expected, rel=0.4)


@pytest.mark.parametrize("seed", range(6))
def test_they_look_as_described(engine: Embedded, seed: int) -> None:
    man = looks(engine, seed, gender="male", ageRange="60+", ethnicity="Nigerian", hairColor="white")
    assert man("sex")[0] > 0.9
    assert man("age")[0] >= 0.69
    assert man("ancestry")[0] >= 0.84
    assert man("skin").mean() < 0.62
    assert np.linalg.norm(man("hair") - np.array(HAIR["white"]) / 255) < 0.25
    woman = looks(engine, seed, gender="female", ageRange="25-34", hairColor="red", hairStyle="pixie")
    assert woman("sex")[0] < 0.1
    assert woman("age")[0] <= 0.19
    assert woman("beard")[0] < 0.1
    assert woman("hair")[0] > 1.5 * woman("hair")[2]
    assert hair_style(woman) in SHORT
    assert looks(engine, seed, bodyType="heavy")("weight")[0] >= 0.19


def test_what_a_person_is_shows_in_hair_and_beard(engine: Embedded) -> None:
    """A man who is described as one isn't a woman who was changed."""
    men = [looks(engine, seed, gender="male") for seed in range(40)]
    assert {hair_style(man) for man in men} <= {*SHORT, "none", "ponytail01", "long01"}
    assert 10 < sum(man("beard")[0] > 0.1 for man in men) < 35


def test_a_colour_that_is_stated_leaves_the_rest_of_the_person(engine: Embedded) -> None:
    plain, blue = looks(engine, 3), looks(engine, 3, hairColor="blue")
    assert np.linalg.norm(plain("hair") - blue("hair")) > 0.2
    for name in ("sex", "age", "ancestry", "skin", "iris", "hair_style", "brow_style"):
        assert (plain(name) == blue(name)).all(), name


def test_all_shots_show_that_person_whatever_references_say(engine: Embedded) -> None:
    def render(person: int, *, references: int) -> Kept:
        kept = Kept()
        shots = [PlannedShot(shot_named("front"), 1)]
        engine.render(references_of("maya")[:references], Appearance(), shots, kept, person)
        return kept

    alone, beside, other = render(1, references=0), render(1, references=1), render(2, references=1)
    assert difference(alone.images["front"], beside.images["front"]) == 0
    assert difference(alone.images["front"], other.images["front"]) > 50
