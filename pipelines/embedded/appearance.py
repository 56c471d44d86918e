"""What is stated of a persona's appearance, applied to the code that was read from its references.

An appearance states what a person has anyway, unless a clone overrides it; which of both it is can't be told
here. So a statement that what was read already fits changes nothing, and keeps the person's own brown.
English words are understood. Others change nothing, and so do `style` and `vibe`: a code has no clothes and no
mood, which are a view's.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np

from models.influencer import Appearance
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import STYLES, Coder, part
from pipelines.embedded.people.head import NO_HAIR

Colour = tuple[int, int, int]  # sRGB 0 to 255
Ancestry = tuple[float, float, float]  # African, Asian, Caucasian: sums to 1
T = TypeVar("T")

FACTORS = ("ancestry", "sex", "age", "weight")
"""The parts of the looks vector that shape a whole person: six numbers."""

OWN = (
    *("hair", "brow", "iris", "scalp", "strands", "mole", "hair_style", "brow_style"),
    *("blush", "brow_lift", "brow_tall"),  # no factor has a say in these
)
"""The parts that stay a person's own when a factor changes. A colour of hair or eyes is stated or kept."""


@dataclass(frozen=True)
class Directions:
    """How people's codes change with the factors; `training.people.directions` finds it."""

    slopes: Floats  # (6, CODE) a code's change with one unit of each factor, the others being equal
    lowest: Floats  # (CODE,) what each number of a code is at least, among people
    highest: Floats  # (CODE,)


def as_described(code: Floats, appearance: Appearance, coder: Coder, directions: Directions) -> Floats:
    """The code (CODE,) with what the appearance states and the code contradicts. Never raises on any text."""
    code = _with_factors(code, appearance, coder, directions)
    code = _with_hair_style(code, appearance.hair_style, coder)
    return _with_hair_colour(code, appearance.hair_color, coder)


# --- Sex, age, weight and ancestry: the whole person moves ---


@dataclass(frozen=True)
class Span:
    """The values of a factor that a word means."""

    low: float
    high: float
    slack: float  # how far outside a value still doesn't contradict the word

    def step_from(self, read: float) -> float:
        """What leads from the value that was read to the span's middle, if that value contradicts it."""
        contradicts = not self.low - self.slack <= read <= self.high + self.slack
        return (self.low + self.high) / 2 - read if contradicts else 0.0


SEX = {"female": Span(0.0, 0.08, 0.42), "male": Span(0.92, 1.0, 0.42)}
"""The typical values of both; what lies on the other side of 0.5 contradicts. Other genders state no sex."""

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
"""In years, the ages 0 and 1. MakeHuman calls them 25 and 90, but its oldest heads look like 75."""
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


def _with_factors(code: Floats, appearance: Appearance, coder: Coder, directions: Directions) -> Floats:
    looks = _looks(code, coder)
    spans = {
        "sex": SEX.get(appearance.gender),
        "age": _age(appearance.age_range),
        "weight": _only(_all_found(appearance.body_type, BUILDS)),
    }
    steps = {
        name: np.array([span.step_from(float(looks[part(name)][0])) if span else 0.0])
        for name, span in spans.items()
    }
    steps["ancestry"] = _ancestry_step(looks[part("ancestry")], _ancestry(appearance.ethnicity))
    step = np.concatenate([steps[name] for name in FACTORS])
    if not step.any():
        return code
    move = step @ directions.slopes
    for name in OWN:
        move[_place(name, coder)] = 0
    # A reference may have led out of the range already: then no further.
    lowest, highest = np.minimum(code, directions.lowest), np.maximum(code, directions.highest)
    code = np.clip(code + move, lowest, highest).astype(np.float32)
    if appearance.gender == "female" and steps["sex"].any():
        code = _with_looks(code, coder, {"beard": np.zeros(3)})
    return code


def _age(text: str | None) -> Span | None:
    for clause in _clauses(text):
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
    """The mean of all that are named; "half Japanese" alone doesn't say what the other half is."""
    named = list(dict.fromkeys(_all_found(text, ETHNICITIES)))
    alone = len(named) == 1 and any(word in PARTLY for clause in _clauses(text) for word in clause.split())
    if not named or alone:
        return None
    african, asian, caucasian = np.mean(named, 0)
    return float(african), float(asian), float(caucasian)


def _ancestry_step(read: Floats, stated: Ancestry | None) -> Floats:
    """(3,) from what was read to what is stated, if they have less than half in common."""
    if stated is None:
        return np.zeros(3)
    shares = np.maximum(read, 1e-3)
    in_common = np.minimum(shares / shares.sum(), stated).sum()
    return np.asarray(stated - read if in_common < 0.5 else np.zeros(3))


# --- Hair ---

HAIR: dict[str, Colour] = {  # as in `training.people.colour`, with shades between
    "black": (28, 22, 20),
    "dark brown": (46, 32, 24),
    "brown": (82, 54, 36),
    "chestnut": (94, 52, 34),
    "light brown": (120, 82, 50),
    "dark blond": (186, 146, 92),
    "blond": (214, 184, 134),
    "platinum": (226, 212, 184),
    "strawberry blond": (196, 128, 84),
    "ginger": (164, 82, 40),
    "red": (120, 48, 26),
    "dark red": (84, 34, 24),
    "dark grey": (110, 106, 104),
    "grey": (150, 148, 146),
    "silver": (178, 178, 180),
    "white": (206, 204, 200),
}
DYED: dict[str, Colour] = {
    "blue": (44, 84, 168),
    "dark blue": (26, 40, 92),
    "light blue": (140, 184, 222),
    "turquoise": (40, 168, 170),
    "green": (52, 130, 70),
    "dark green": (26, 70, 46),
    "light green": (150, 210, 160),
    "purple": (104, 50, 140),
    "dark purple": (60, 28, 82),
    "light purple": (178, 150, 210),
    "pink": (226, 104, 160),
    "dark pink": (184, 44, 112),
    "light pink": (238, 178, 200),
    "burgundy": (94, 22, 40),
    "scarlet": (178, 30, 34),
    "orange": (220, 110, 36),
    "yellow": (232, 206, 70),
}
SHADES: dict[str, tuple[str, ...]] = {
    "brown": ("dark brown", "chestnut", "light brown"),
    "blond": ("dark blond", "platinum", "strawberry blond"),
    "red": ("dark red", "ginger"),
    "grey": ("dark grey", "silver", "white"),
    "silver": ("grey", "white"),
    "white": ("silver",),
    "dark": ("dark brown", "black", "brown"),  # the first one is what "dark" alone becomes
    "fair": ("blond", "dark blond", "platinum"),
}
"""What a wide word means besides its own colour."""
SYNONYMS = {
    **{name: name for name in (*HAIR, *DYED, *SHADES)},
    "dark haired": "dark",
    "fair haired": "fair",
    **dict.fromkeys(("jet black", "raven", "ebony", "blue black"), "black"),
    **dict.fromkeys(("brunette", "brunet", "medium brown", "chocolate"), "brown"),
    **dict.fromkeys(("deep brown", "chocolate brown", "espresso", "dark brunette"), "dark brown"),
    **dict.fromkeys(("chestnut brown", "reddish brown", "red brown"), "chestnut"),
    **dict.fromkeys(
        ("pale brown", "golden brown", "honey brown", "caramel", "light brunette"), "light brown"
    ),
    **dict.fromkeys(("dirty blond", "sandy", "sandy blond", "honey blond", "ash blond"), "dark blond"),
    **dict.fromkeys(("golden", "golden blond", "light blond", "medium blond", "flaxen"), "blond"),
    **dict.fromkeys(("platinum blond", "bleached", "white blond", "pale blond"), "platinum"),
    **dict.fromkeys(("copper", "light red", "orange red"), "ginger"),
    **dict.fromkeys(("auburn", "redhead", "red haired", "titian"), "red"),
    **dict.fromkeys(("dark auburn", "deep red", "mahogany"), "dark red"),
    **dict.fromkeys(("salt and pepper", "pepper and salt", "greying", "steel grey"), "dark grey"),
    **dict.fromkeys(("light grey", "silver grey", "silvery"), "silver"),
    **dict.fromkeys(("snow white", "white haired"), "white"),
    **dict.fromkeys(("navy", "navy blue", "deep blue", "midnight blue"), "dark blue"),
    **dict.fromkeys(("pastel blue", "pale blue", "sky blue"), "light blue"),
    **dict.fromkeys(("teal", "aqua", "cyan"), "turquoise"),
    **dict.fromkeys(("emerald", "emerald green", "deep green", "forest green"), "dark green"),
    **dict.fromkeys(("mint", "mint green", "pastel green", "pale green"), "light green"),
    **dict.fromkeys(("violet",), "purple"),
    **dict.fromkeys(("deep purple", "plum", "aubergine"), "dark purple"),
    **dict.fromkeys(("lavender", "lilac", "pastel purple", "pale purple"), "light purple"),
    **dict.fromkeys(("hot pink", "magenta", "fuchsia"), "dark pink"),
    **dict.fromkeys(("pastel pink", "pale pink", "rose gold"), "light pink"),
    **dict.fromkeys(("wine", "wine red", "maroon"), "burgundy"),
    **dict.fromkeys(("crimson", "bright red", "cherry red"), "scarlet"),
}
OTHER_COLOURS = {"eyes", "eyed", "skin", "beard", "brows", "eyebrows"}
"""A clause with one of them doesn't tell the hair's colour."""
NEAR = 30 / 255
"""Of two colours that are no further apart nobody would say that one contradicts the other: as far as one
person's brown may lie from another's, in sRGB."""
BROW = 0.62
"""A brow's sRGB colour as a part of its hair's, as in `training.people.identity`."""

SHORT = ("short01", "short02", "short04")
STUBBLE = 0.35  # the scalp of a shaved head, as in `training.people.identity`


@dataclass(frozen=True)
class Cut:
    """A hair style that words mean."""

    style: str
    kept: tuple[str, ...] = ()  # the other styles that the words describe as well
    scalp: float = 1.0  # how much of the hair's colour the scalp has


CUTS: dict[Cut, tuple[str, ...]] = {  # of several that are named the first one counts
    Cut(NO_HAIR, scalp=0.0): ("bald", "hairless"),
    Cut(NO_HAIR, scalp=STUBBLE): ("shaved", "shaven", "buzz cut", "buzzcut", "buzzed"),
    Cut("braid01"): ("braid", "braids", "braided", "plait", "plaits", "plaited"),
    Cut("ponytail01"): (
        *("ponytail", "ponytails", "pony tail", "pigtails", "bun", "man bun", "updo"),
        *("up do", "topknot", "top knot", "chignon", "tied back", "pulled back"),
    ),
    Cut("afro01"): ("afro", "kinky", "coily", "coils"),
    # From the front MakeHuman's braid looks like a bob: it is gathered low behind.
    Cut("braid01", ("long01",)): ("bob", "long bob", "lob", "chin length", "medium length"),
    Cut("long01", ("ponytail01", "braid01")): ("long", "shoulder length", "waist length", "flowing"),
    Cut("afro01", ("long01", "ponytail01", "braid01")): ("curly", "curls", "ringlets"),
    Cut("short02", (*SHORT, "afro01")): ("bowl cut", "bowl", "mop top", "caesar"),
    Cut("short01", (*SHORT, "afro01")): ("crop", "cropped", "crew cut", "pixie", "fade", "bald fade"),
    Cut("short04", (*SHORT, "afro01")): ("short", "undercut", "quiff", "side swept", "long on top"),
}
NO_CUTS = (
    *("clean shaven", "shaved beard", "bald spot", "half shaved", "side shaved", "sides shaved"),
    *(
        f"{cut} {where}"
        for cut in ("shaved", "buzzed")
        for where in ("side", "sides", "back", "nape", "at", "on")
    ),
    *(f"{length} {what}" for length in ("long", "short", "curly") for what in ("fringe", "bangs", "beard")),
)
CUT_WORDS: dict[str, Cut | None] = {
    **{word: cut for cut, words in CUTS.items() for word in words},
    **dict.fromkeys(NO_CUTS),
}


def _with_hair_style(code: Floats, text: str | None, coder: Coder) -> Floats:
    cut = min(_all_found(text, CUT_WORDS), key=list(CUTS).index, default=None)
    read = STYLES[int(_looks(code, coder)[part("hair_style")].argmax())]
    if cut is None or read in {cut.style, *cut.kept}:
        return code
    told = {"hair_style": np.eye(len(STYLES))[STYLES.index(cut.style)]}
    if NO_HAIR in {read, cut.style}:
        told["scalp"] = np.array([cut.scalp])
    return _with_looks(code, coder, told)


def _with_hair_colour(code: Floats, text: str | None, coder: Coder) -> Floats:
    named = _hair_colour(text)
    if named is None:
        return code
    colours = {name: np.array(colour) / 255 for name, colour in {**HAIR, **DYED}.items()}
    meant = [name for name in (named, *SHADES.get(named, ())) if name in colours]
    read = _looks(code, coder)[part("hair")]
    away = {name: float(np.linalg.norm(read - colour)) for name, colour in colours.items()}
    if min(away, key=away.__getitem__) in meant or away[meant[0]] < NEAR:
        return code
    colour = colours[meant[0]]
    # Who dyes the hair mostly leaves the brows.
    return _with_looks(code, coder, {"hair": colour} | ({"brow": colour * BROW} if meant[0] in HAIR else {}))


def _hair_colour(text: str | None) -> str | None:
    """Of the first clause that names one, the last: "silvery blond" is blond, and "pink tips" come second."""
    for clause in _clauses(text):
        spelt = clause.replace("blonde", "blond").replace("gray", "grey")
        if not OTHER_COLOURS.intersection(spelt.split()) and (named := list(_found(spelt, SYNONYMS))):
            return named[-1]
    return None


# --- Words ---

NOT = "no|non|not|never|without|isnt"
BREAK = re.compile(rf"[,;/(]|\b(?:with|but|(?<!salt )(?<!pepper )and)\b|\b(?=(?:{NOT})\b)")


def _clauses(text: str | None) -> Iterator[str]:
    """The text's parts in lower case, with one space between words; without those that deny something."""
    plain = unicodedata.normalize("NFKC", text or "").casefold().replace("+", " plus ")
    plain = " ".join(re.sub(r"[^\w,;/(]|_", " ", plain.replace("'", "").replace("\u2019", "")).split())
    for clause in map(str.strip, BREAK.split(plain)):
        if clause and clause.split()[0] not in NOT.split("|"):
            yield clause


def _found(clause: str, meanings: Mapping[str, T]) -> Iterator[T]:
    """What the words in a clause mean, the longest first: "dark brown" isn't brown."""
    for match in _pattern(tuple(meanings)).finditer(clause):
        yield meanings[match[0]]


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})\b")


def _all_found(text: str | None, meanings: Mapping[str, T | None]) -> list[T]:
    """Of all clauses, without words that mean nothing here."""
    found = [meaning for clause in _clauses(text) for meaning in _found(clause, meanings)]
    return [meaning for meaning in found if meaning is not None]


def _only(found: list[T]) -> T | None:
    """What all words mean, unless they disagree."""
    return found[0] if len(set(found)) == 1 else None


# --- Codes ---


def _place(name: str, coder: Coder) -> slice:
    """Where in a code that part of the looks stands."""
    within = part(name)
    return slice(coder.shape_size + within.start, coder.shape_size + within.stop)


def _looks(code: Floats, coder: Coder) -> Floats:
    """(LOOKS_SIZE,) without the body, which `Coder.split` would take much longer for."""
    return np.asarray(code[coder.shape_size :] * coder.looks_spread + coder.looks_mean)


def _with_looks(code: Floats, coder: Coder, told: Mapping[str, Floats]) -> Floats:
    """The code with these parts of its looks replaced, and no other number touched."""
    looks = _looks(code, coder)
    for name, value in told.items():
        looks[part(name)] = value
    joined = coder.join(coder.unscaled(code), looks)
    changed = code.copy()
    for name in told:
        changed[_place(name, coder)] = joined[_place(name, coder)]
    return changed
