"""Applies the stated colour and style of the hair where the references show something else."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.appearance.looks import looks_of, with_looks
from pipelines.embedded.appearance.words import all_found, clauses, found
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import STYLES, Coder, part
from pipelines.embedded.people.head import NO_HAIR

Colour = tuple[int, int, int]  # sRGB 0 to 255

HAIR: dict[str, Colour] = {  # as in `people.palette`, with shades between
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
"""Colours that a broad word also means, besides its own."""
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
"""A clause with one of these words isn't about the hair's colour."""
NEAR = 30 / 255
"""Colours that are no further apart, in sRGB, don't contradict each other: as far as one person's brown may lie
from another's."""
BROW = 0.62
"""A brow's sRGB colour as a fraction of the hair's, as in `people.chance`."""

SHORT = ("short01", "short02", "short04")
STUBBLE = 0.35  # the scalp of a shaved head, as in `people.chance`


@dataclass(frozen=True)
class Cut:
    """A hair style that some words mean."""

    style: str
    kept: tuple[str, ...] = ()  # the other styles that the words describe as well
    scalp: float = 1.0  # how much of the hair's colour the scalp has


CUTS: dict[Cut, tuple[str, ...]] = {  # if several are named, the first one here counts
    Cut(NO_HAIR, scalp=0.0): ("bald", "hairless"),
    Cut(NO_HAIR, scalp=STUBBLE): ("shaved", "shaven", "buzz cut", "buzzcut", "buzzed"),
    Cut("braid01"): ("braid", "braids", "braided", "plait", "plaits", "plaited"),
    Cut("ponytail01"): (
        *("ponytail", "ponytails", "pony tail", "pigtails", "bun", "man bun", "updo"),
        *("up do", "topknot", "top knot", "chignon", "tied back", "pulled back"),
    ),
    Cut("afro01"): ("afro", "kinky", "coily", "coils"),
    # From the front, MakeHuman's braid looks like a bob: it is gathered low behind.
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


def with_hair_style(code: Floats, text: str | None, coder: Coder) -> Floats:
    """The code (CODE,) with the style that the text states, unless its own style fits the text."""
    cut = min(all_found(text, CUT_WORDS), key=list(CUTS).index, default=None)
    read = STYLES[int(looks_of(code, coder)[part("hair_style")].argmax())]
    if cut is None or read in {cut.style, *cut.kept}:
        return code
    told = {"hair_style": np.eye(len(STYLES))[STYLES.index(cut.style)]}
    if NO_HAIR in {read, cut.style}:
        told["scalp"] = np.array([cut.scalp])
    return with_looks(code, coder, told)


def with_hair_colour(code: Floats, text: str | None, coder: Coder) -> Floats:
    """The code (CODE,) with the colour that the text states, unless its own colour fits the text."""
    named = _hair_colour(text)
    if named is None:
        return code
    colours = {name: np.array(colour) / 255 for name, colour in {**HAIR, **DYED}.items()}
    meant = [name for name in (named, *SHADES.get(named, ())) if name in colours]
    read = looks_of(code, coder)[part("hair")]
    away = {name: float(np.linalg.norm(read - colour)) for name, colour in colours.items()}
    if min(away, key=away.__getitem__) in meant or away[meant[0]] < NEAR:
        return code
    colour = colours[meant[0]]
    # People who dye their hair mostly leave the brows as they are.
    return with_looks(code, coder, {"hair": colour} | ({"brow": colour * BROW} if meant[0] in HAIR else {}))


def _hair_colour(text: str | None) -> str | None:
    """The last colour of the first clause that names one: "silvery blond" is blond, and "pink tips" come second."""
    for clause in clauses(text):
        spelt = clause.replace("blonde", "blond").replace("gray", "grey")
        if not OTHER_COLOURS.intersection(spelt.split()) and (named := list(found(spelt, SYNONYMS))):
            return named[-1]
    return None
