import numpy as np
import pytest
from numpy.typing import ArrayLike

from models.influencer import Appearance
from pipelines.embedded.appearance import Directions, as_described
from pipelines.embedded.appearance.factors import FACTORS, OWN
from pipelines.embedded.appearance.hair import HAIR
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import LAYOUT, LOOKS_SIZE, STYLES, Coder, part
from pipelines.embedded.people.shape import ShapeBasis
from training.people.directions import fit_directions

OLD_WOMAN: dict[str, ArrayLike] = {
    "sex": 0.04,
    "age": 0.8,
    "weight": -0.2,
    "ancestry": (0.1, 0.1, 0.8),
    "hair": np.array(HAIR["brown"]) / 255,
}


@pytest.fixture(scope="module")
def coder() -> Coder:
    """Of a head with five vertices."""
    rng = np.random.default_rng(0)
    mean, components = rng.normal(0, 1, (5, 3)), rng.normal(0, 0.1, (12, 5, 3))
    basis = ShapeBasis(mean, components, np.linspace(2, 0.2, 12).astype(np.float32))
    return Coder(basis, np.full(LOOKS_SIZE, 0.4, np.float32), np.full(LOOKS_SIZE, 0.3, np.float32))


@pytest.fixture(scope="module")
def directions(coder: Coder) -> Directions:
    """Every number moves with every factor, and the factors' own numbers as they do in people."""
    slopes = np.random.default_rng(5).uniform(0.2, 0.5, (6, coder.size))
    for k in range(6):
        slopes[:, coder.shape_size + k] = 0
        slopes[k, coder.shape_size + k] = 1 / coder.looks_spread[k]
    return Directions(slopes, np.full(coder.size, -4.0), np.full(coder.size, 4.0))


def person(coder: Coder, hair_style: str = "long01", **told: ArrayLike) -> Floats:
    """A code with these looks: an old woman with brown hair, if nothing else is told."""
    looks = np.full(LOOKS_SIZE, 0.3, np.float32)
    looks[part("hair_style")] = np.eye(len(STYLES))[STYLES.index(hair_style)]
    for name, value in {**OLD_WOMAN, **told}.items():
        looks[part(name)] = np.asarray(value)
    return coder.join(np.linspace(-0.5, 0.5, coder.shape_size, dtype=np.float32), looks)


def looks_of(code: Floats, coder: Coder, name: str) -> Floats:
    return np.asarray(coder.split(code)[1][part(name)])


def changed(before: Floats, after: Floats, coder: Coder) -> set[str]:
    """The names of the parts that differ; "shape" for any number of the shape."""
    names = ["shape"] * coder.shape_size + [name for name, size in LAYOUT.items() for _ in range(size)]
    return {name for name, a, b in zip(names, before, after, strict=True) if a != b}


@pytest.mark.parametrize(
    ("own", "stated"),
    [
        ((82, 54, 36), "brown"),
        ((94, 62, 41), "Brown hair"),
        ((48, 33, 24), "brown"),
        ((82, 54, 36), "brunette"),
        ((186, 146, 92), "blonde"),
        ((118, 114, 112), "salt and pepper, once black"),
        ((34, 25, 21), "jet-black"),
        ((110, 44, 24), "auburn"),
        ((46, 32, 24), "black"),
    ],
)
def test_a_stated_colour_that_fits_keeps_the_persons_own(
    coder: Coder, directions: Directions, own: tuple[int, int, int], stated: str
) -> None:
    code = person(coder, hair=np.array(own) / 255)
    assert not changed(code, as_described(code, Appearance(hair_color=stated), coder, directions), coder)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("black", (28, 22, 20)),
        ("Dark-Blonde", (186, 146, 92)),
        ("salt_and_pepper", (110, 106, 104)),
        ("ginger with blue tips", (164, 82, 40)),
        ("not black, white", (206, 204, 200)),
        ("silver and black", (178, 178, 180)),
        ("silvery blond", (214, 184, 134)),
    ],
)
def test_another_colour_changes_hair_and_brows_and_nothing_else(
    coder: Coder, directions: Directions, stated: str, expected: tuple[int, int, int]
) -> None:
    code = person(coder)
    after = as_described(code, Appearance(hair_color=stated), coder, directions)
    assert changed(code, after, coder) == {"hair", "brow"}
    assert looks_of(after, coder, "hair") * 255 == pytest.approx(expected, abs=0.1)
    assert (looks_of(after, coder, "brow") < looks_of(after, coder, "hair")).all()


@pytest.mark.parametrize("stated", ["blue", "pastel pink", "GREEN", "purple/black", "turquoise"])
def test_dyed_hair_leaves_the_brows(coder: Coder, directions: Directions, stated: str) -> None:
    code = person(coder)
    after = as_described(code, Appearance(hair_color=stated), coder, directions)
    assert changed(code, after, coder) == {"hair"}


def test_a_narrow_word_doesnt_take_its_wide_neighbour(coder: Coder, directions: Directions) -> None:
    """ "Brown" fits light brown hair, "dark brown" doesn't."""
    code = person(coder, hair=np.array(HAIR["light brown"]) / 255)
    assert not changed(code, as_described(code, Appearance(hair_color="brown"), coder, directions), coder)
    after = as_described(code, Appearance(hair_color="dark brown"), coder, directions)
    assert looks_of(after, coder, "hair") * 255 == pytest.approx(HAIR["dark brown"], abs=0.1)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "rouge", "blackish", "bl\u200back", "\ud800\udfff", "((((", "[a-z]+|.*", "\x00\n\t", "no"),
        *(
            "9" * 16,
            "not black",
            "without curls",
            "0-0",
            "adult",
            "13-17",
            "half Japanese",
            "e\u0301" * 8,
            "²",
        ),
        *("green eyes", "clean-shaven", "South African", "non-white", "heavy, slim", "athletic", "İ" * 16),
    ],
)
def test_what_isnt_understood_changes_nothing(coder: Coder, directions: Directions, text: str) -> None:
    code = person(coder)
    everywhere = Appearance.model_construct(
        gender="nonbinary",
        age_range=text,
        ethnicity=text,
        body_type=text,
        hair_color=text,
        hair_style=text,
        style=text,
        vibe=text,
    )
    assert not changed(code, as_described(code, everywhere, coder, directions), coder)


def test_style_and_vibe_change_nothing(coder: Coder, directions: Directions) -> None:
    code = person(coder)
    stated = Appearance(style="short black dress, bald", vibe="old, heavy, blue")
    assert not changed(code, as_described(code, stated, coder, directions), coder)


@pytest.mark.parametrize(
    ("read", "stated", "expected"),
    [
        ("long01", "bald", "none"),
        ("long01", "buzz cut", "none"),
        ("none", "long curly hair", "long01"),
        ("short02", "Short and curly", "afro01"),
        ("short01", "two plaits", "braid01"),
        ("short01", "messy bun", "ponytail01"),
        ("long01", "pixie", "short01"),
        ("long01", "straight bowl cut with a short fringe", "short02"),
        ("short02", "short, swept to the side", "short02"),
        ("ponytail01", "long", "ponytail01"),
        ("long01", "shaved sides", "long01"),
        ("long01", "short fringe", "long01"),
    ],
)
def test_hair_style(coder: Coder, directions: Directions, read: str, stated: str, expected: str) -> None:
    code = person(coder, hair_style=read, scalp=0.9)
    after = as_described(code, Appearance(hair_style=stated), coder, directions)
    assert STYLES[int(looks_of(after, coder, "hair_style").argmax())] == expected
    assert ("scalp" in changed(code, after, coder)) == ("none" in {read, expected})
    assert changed(code, after, coder) <= {"hair_style", "scalp"}


def test_the_other_gender_moves_shape_and_looks_and_keeps_what_is_ones_own(
    coder: Coder, directions: Directions
) -> None:
    code = person(coder)
    after = as_described(code, Appearance(gender="male"), coder, directions)
    assert {"shape", "sex", "skin", "lines", "beard"} <= changed(code, after, coder)
    assert changed(code, after, coder).isdisjoint({*OWN, "age", "weight", "ancestry"})
    assert looks_of(after, coder, "sex") == pytest.approx(0.96, abs=1e-3)
    shape = slice(0, coder.shape_size)
    assert (after - code)[shape] == pytest.approx(0.92 * directions.slopes[3, shape], abs=1e-5)


def test_a_woman_has_no_beard(coder: Coder, directions: Directions) -> None:
    after = as_described(
        person(coder, sex=0.9, beard=(0.8, 0.8, 0.8)), Appearance(gender="female"), coder, directions
    )
    assert looks_of(after, coder, "beard") == pytest.approx([0, 0, 0], abs=1e-6)


@pytest.mark.parametrize(
    "stated",
    [
        Appearance(gender="female"),
        Appearance(gender="nonbinary"),
        Appearance(gender="unspecified"),
        Appearance(age_range="60+"),
        Appearance(age_range="50s"),
        Appearance(ethnicity="Northern European"),
        Appearance(ethnicity="Middle Eastern"),
        Appearance(body_type="slim"),
        Appearance(body_type="average build"),
    ],
)
def test_what_was_read_is_kept_unless_it_contradicts(
    coder: Coder, directions: Directions, stated: Appearance
) -> None:
    code = person(coder)
    assert not changed(code, as_described(code, stated, coder, directions), coder)


@pytest.mark.parametrize(
    ("stated", "factor", "expected"),
    [
        (Appearance(age_range="25-34"), "age", [0.09]),
        (Appearance(age_range="25\u201334"), "age", [0.09]),
        (Appearance(age_range="mid-30s"), "age", [0.2]),
        (Appearance(age_range="under 30"), "age", [0.05]),
        (Appearance(age_range="18-24"), "age", [0.0]),
        (Appearance(body_type="heavy-set"), "weight", [0.6]),
        (Appearance(ethnicity="West African"), "ancestry", [1, 0, 0]),
        (Appearance(ethnicity="half Chinese, half Nigerian"), "ancestry", [0.5, 0.5, 0]),
    ],
)
def test_a_contradiction_moves_one_factor_to_what_is_stated(
    coder: Coder, directions: Directions, stated: Appearance, factor: str, expected: list[float]
) -> None:
    code = person(coder)
    after = as_described(code, stated, coder, directions)
    assert looks_of(after, coder, factor) == pytest.approx(expected, abs=1e-3)
    assert changed(code, after, coder) & set(FACTORS) == {factor}


def test_no_number_leaves_the_range_of_people(coder: Coder, directions: Directions) -> None:
    code = person(coder)
    narrow = Directions(directions.slopes, np.full(coder.size, -4.0), code + 0.1)
    after = as_described(code, Appearance(gender="male"), coder, narrow)
    assert (after - code).max() == pytest.approx(0.1, abs=1e-5)


def test_directions_recover_a_planted_relation(coder: Coder) -> None:
    rng = np.random.default_rng(7)
    people, planted = 4000, rng.normal(0, 0.3, (6, coder.shape_size))
    planted[:3] -= planted[:3].mean(0)  # what all ancestries share can't be told from the mean
    looks = rng.uniform(0, 1, (people, LOOKS_SIZE)).astype(np.float32)
    looks[:, part("ancestry")] = rng.dirichlet([0.4, 0.4, 0.4], people)
    looks[:, part("lines")] = 0.5 * looks[:, part("age")] + rng.normal(0, 0.1, (people, 1))
    codes = looks[:, :6] @ planted + 0.7 + rng.normal(0, 0.1, (people, coder.shape_size))
    found = fit_directions(coder, coder.unscaled(codes), looks)
    assert found.slopes.shape == (6, coder.size)
    assert found.slopes[:, : coder.shape_size] == pytest.approx(planted, abs=0.05)
    of_looks = found.slopes[:, coder.shape_size :] * coder.looks_spread
    assert of_looks[:, part("lines")][:, 0] == pytest.approx([0, 0, 0, 0, 0.5, 0], abs=0.05)
    assert of_looks[3:, 3:6] == pytest.approx(np.eye(3), abs=1e-4)
    assert (found.lowest < found.highest).all()
