"""Sex, age, weight and ancestry: a statement that contradicts what was read moves the whole person."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from models.influencer import Appearance
from pipelines.embedded.appearance.looks import looks_of, place_of, with_looks
from pipelines.embedded.appearance.words import all_found, clauses, only
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import Coder, part

Ancestry = tuple[float, float, float]  # African, Asian, Caucasian: sums to 1

FACTORS = ("ancestry", "sex", "age", "weight")
"""The parts of the looks vector that shape a whole person: six numbers."""

OWN = (
    *("hair", "brow", "iris", "scalp", "strands", "mole", "hair_style", "brow_style"),
    *("blush", "brow_lift", "brow_tall"),  # no factor influences these
)
"""The parts that stay the person's own when a factor changes. The colour of hair or eyes is stated or kept."""


@dataclass(frozen=True)
class Directions:
    """How people's codes change with the factors, as found by `training.people.directions`."""

    slopes: Floats  # (6, CODE) a code's change with one unit of each factor, the others being equal
    lowest: Floats  # (CODE,) the least that each number of a code is, among people
    highest: Floats  # (CODE,)


@dataclass(frozen=True)
class Span:
    """The values of a factor that a word means."""

    low: float
    high: float
    slack: float  # how far outside the span a value doesn't yet contradict the word

    def step_from(self, read: float) -> float:
        """The step from the value that was read to the span's middle if that value contradicts the span, else 0."""
        contradicts = not self.low - self.slack <= read <= self.high + self.slack
        return (self.low + self.high) / 2 - read if contradicts else 0.0


SEX = {"female": Span(0.0, 0.08, 0.42), "male": Span(0.92, 1.0, 0.42)}
"""The typical values of both; a value on the other side of 0.5 contradicts. Other genders state no sex."""

SLIM, MEDIUM, HEAVY = Span(-0.9, -0.1, 0.3), Span(-0.35, 0.35, 0.3), Span(0.2, 1.0, 0.3)
BUILDS: dict[str, Span | None] = {
    **dict.fromkeys(
        ("slim", "slender", "thin", "skinny", "lean", "petite", "lanky", "willowy", "underweight"), SLIM
    ),
    **dict.fromkeys(("average", "medium", "normal", "regular"), MEDIUM),
    **dict.fromkeys(
        ("heavy", "heavyset", "stocky", "stout", "large", "big", "plus size", "plus sized"), HEAVY
    ),
    **dict.fromkeys(("overweight", "obese", "chubby", "plump", "fat", "full figured"), HEAVY),
    **dict.fromkeys(("average height", "medium height", "normal height", "average sized"), None),
}

YOUNGEST, OLDEST = 25, 75
"""The ages 0 and 1, in years. MakeHuman calls them 25 and 90, but its oldest heads look like 75."""
AGES = {
    "young": (18, 30),
    "young adult": (18, 30),
    "middle aged": (40, 60),
    "old": (65, OLDEST),
    "senior": (65, OLDEST),
    "elderly": (65, OLDEST),
}
DECADE = {"early": (0, 3), "mid": (4, 6), "late": (7, 9), None: (0, 9)}
YEARS = re.compile(
    r"(?:aged? )?(?:(?P<side>over|under) |(?P<third>early|mid|late) )?(?P<low>[1-9][0-9])"
    r"(?P<more>s| plus)?(?: (?:to )?(?P<high>[1-9][0-9])s?)?(?: years?)?(?: old)?"
)

AFRICAN, ASIAN, CAUCASIAN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
ETHNICITIES: dict[str, Ancestry | None] = {
    **dict.fromkeys(("african", "black", "afro", "african american", "sub saharan african"), AFRICAN),
    **dict.fromkeys(("nigerian", "ghanaian", "kenyan", "ethiopian", "somali", "senegalese"), AFRICAN),
    **dict.fromkeys(("congolese", "ugandan", "jamaican", "haitian"), AFRICAN),
    **dict.fromkeys(("asian", "east asian", "southeast asian", "south east asian"), ASIAN),
    **dict.fromkeys(("chinese", "japanese", "korean", "taiwanese", "mongolian"), ASIAN),
    **dict.fromkeys(("vietnamese", "thai", "filipino", "filipina", "indonesian", "malay"), ASIAN),
    **dict.fromkeys(("caucasian", "white", "european", "scandinavian", "nordic", "slavic"), CAUCASIAN),
    **dict.fromkeys(("scottish", "irish", "welsh", "german"), CAUCASIAN),
    **dict.fromkeys(("austrian", "swiss", "swedish", "norwegian", "danish"), CAUCASIAN),
    **dict.fromkeys(("finnish", "polish", "czech", "hungarian", "ukrainian", "russian"), CAUCASIAN),
    **dict.fromkeys(("italian", "spanish", "portuguese", "greek", "mediterranean"), CAUCASIAN),
    # Mixtures that come nearest to people whom none of the three describes.
    **dict.fromkeys(("eurasian", "central asian", "kazakh"), (0.0, 0.5, 0.5)),
    **dict.fromkeys(("south asian", "indian", "pakistani", "bangladeshi"), (0.25, 0.25, 0.5)),
    **dict.fromkeys(("sri lankan", "nepali", "tamil"), (0.25, 0.25, 0.5)),
    **dict.fromkeys(("middle eastern", "arab", "arabic", "persian", "iranian"), (0.15, 0.1, 0.75)),
    **dict.fromkeys(("turkish", "lebanese", "kurdish", "iraqi", "syrian"), (0.15, 0.1, 0.75)),
    **dict.fromkeys(("north african", "egyptian", "moroccan", "algerian"), (0.3, 0.05, 0.65)),
    **dict.fromkeys(("latino", "latina", "latinx", "hispanic", "mexican"), (0.15, 0.35, 0.5)),
    **dict.fromkeys(("south african", "american indian", "west indian", "black sea"), None),
    **dict.fromkeys(("black hair", "black eyes", "black haired", "white hair", "white haired"), None),
}
PARTLY = {"half", "part", "partly", "mixed", "quarter", "biracial", "multiracial"}


@dataclass(frozen=True)
class Stated:
    """What an appearance states of the factors. Factors that it leaves open are left out."""

    spans: Mapping[str, Span]  # of sex, age and weight, those that are stated
    ancestry: Ancestry | None

    @classmethod
    def by(cls, appearance: Appearance) -> Self:
        """Reads what the appearance states."""
        spans = {
            "sex": SEX.get(appearance.gender),
            "age": _age(appearance.age_range),
            "weight": only(all_found(appearance.body_type, BUILDS)),
        }
        return cls({name: span for name, span in spans.items() if span}, _ancestry(appearance.ethnicity))


def with_factors(code: Floats, appearance: Appearance, coder: Coder, directions: Directions) -> Floats:
    """The code (CODE,), moved where its factors contradict the appearance."""
    looks = looks_of(code, coder)
    stated = Stated.by(appearance)
    steps: dict[str, Floats] = {name: np.zeros(1) for name in FACTORS}
    for name, span in stated.spans.items():
        steps[name] = np.array([span.step_from(float(looks[part(name)][0]))])
    steps["ancestry"] = _ancestry_step(looks[part("ancestry")], stated.ancestry)
    step = np.concatenate([steps[name] for name in FACTORS])
    if not step.any():
        return code
    move = step @ directions.slopes
    for name in OWN:
        move[place_of(name, coder)] = 0
    # What was read may already lie out of the range: then it goes no further.
    lowest, highest = np.minimum(code, directions.lowest), np.maximum(code, directions.highest)
    code = np.clip(code + move, lowest, highest).astype(np.float32)
    if appearance.gender == "female" and steps["sex"].any():
        code = with_looks(code, coder, {"beard": np.zeros(3)})
    return code


def _age(text: str | None) -> Span | None:
    for clause in clauses(text):
        years = AGES.get(clause)
        if match := YEARS.fullmatch(clause):
            years = _years(match)
        if years and max(years) >= 18:  # the code knows adults only
            low, high = sorted(min(max((year - YOUNGEST) / (OLDEST - YOUNGEST), 0.0), 1.0) for year in years)
            return Span(low, high, max(high - low, 10 / (OLDEST - YOUNGEST)))
    return None


def _years(match: re.Match[str]) -> tuple[int, int]:
    low = int(match["low"])
    if match["high"]:
        return low, int(match["high"])
    if match["more"] == "s":
        first, last = DECADE[match["third"]]
        return low + first, low + last
    if match["side"] == "under":
        return min(18, low), low
    if match["side"] == "over" or match["more"]:
        return low, max(low, OLDEST)
    return low, low


def _ancestry(text: str | None) -> Ancestry | None:
    """The mean of all ancestries that are named; "half Japanese" alone doesn't say what the other half is."""
    named = list(dict.fromkeys(all_found(text, ETHNICITIES)))
    alone = len(named) == 1 and any(word in PARTLY for clause in clauses(text) for word in clause.split())
    if not named or alone:
        return None
    african, asian, caucasian = np.mean(named, 0)
    return float(african), float(asian), float(caucasian)


def _ancestry_step(read: Floats, stated: Ancestry | None) -> Floats:
    """The step (3,) from what was read to what is stated, if they have less than half in common."""
    if stated is None:
        return np.zeros(3)
    shares = np.maximum(read, 1e-3)
    in_common = np.minimum(shares / shares.sum(), stated).sum()
    return np.asarray(stated - read if in_common < 0.5 else np.zeros(3))
