"""Reads an `ageRange` by a small grammar, and says why one is refused.

Only figures count: `25-34`, `25 to 34`, `25`, `30s`, `mid-30s`, `60+`, `over 40`. Anything else is unreadable, and
nobody can say that it isn't a child's.
"""

import re
from dataclasses import dataclass
from typing import Literal

ADULT = 18
"""The least age, in years, of a person who is rendered."""

AgeRule = Literal["age-under-18", "age-unreadable"]

_OLDEST = 120
# ASCII alone: other digits and dashes look the same to a model, and not to a reader of this.
_AGE = "[0-9]{1,3}"
_GRAMMAR = re.compile(
    rf"(?:aged )?(?:"
    rf"(?P<low>{_AGE}) ?(?:-|\N{{EN DASH}}|to) ?(?P<high>{_AGE})"
    rf"|(?P<only>{_AGE})"
    rf"|(?P<from>{_AGE}) ?\+|(?:over|above) (?P<over>{_AGE})"
    rf"|(?:under|below|up to) (?P<under>{_AGE})"
    rf"|(?:(?P<third>early|mid|late)[ -])?(?P<decade>[0-9]{{1,2}}0)s"
    rf")(?: years?(?: old)?)?"
)
_THIRDS = {"early": (0, 3), "mid": (4, 6), "late": (7, 9), None: (0, 9)}


@dataclass(frozen=True, slots=True)
class Ages:
    """The ages that an `ageRange` states, in years, both ends included. `high` is None where it is open."""

    low: int
    high: int | None

    def __str__(self) -> str:
        """The range as a prompt has it: `25-34`, `25`, or `60 or older`."""
        if self.high is None:
            return f"{self.low} or older"
        return f"{self.low}" if self.low == self.high else f"{self.low}-{self.high}"


@dataclass(frozen=True, slots=True)
class AgeFault:
    """Why an `ageRange` is refused."""

    rule: AgeRule
    reason: str


_UNDER_AGE = AgeFault(
    "age-under-18", f"people under {ADULT} aren't rendered; give the ages of an adult, such as 25-34"
)
_UNREADABLE = AgeFault(
    "age-unreadable", "it can't be read as ages; give figures, such as 25-34, 30s, 60+, over 40 or 25"
)


def read_ages(text: str) -> Ages | None:
    """The ages that the text states, or None if it can't be read, as with ends in the wrong order."""
    found = _GRAMMAR.fullmatch(re.sub(" +", " ", text.strip(" ")).lower())
    if found is None:
        return None
    if found["low"]:
        ages = Ages(int(found["low"]), int(found["high"]))
    elif found["only"]:
        ages = Ages(int(found["only"]), int(found["only"]))
    elif found["under"]:
        ages = Ages(0, int(found["under"]))
    elif found["decade"]:
        first, last = _THIRDS[found["third"]]
        ages = Ages(int(found["decade"]) + first, int(found["decade"]) + last)
    else:
        ages = Ages(int(found["from"] or found["over"]), None)
    highest = ages.low if ages.high is None else ages.high
    return ages if ages.low <= highest <= _OLDEST else None


def age_fault(text: str | None) -> AgeFault | None:
    """Why a persona with this `ageRange` is refused. None if it isn't: all are adults, or nothing is stated."""
    if text is None or not text.strip(" "):
        return None
    ages = read_ages(text)
    if ages is None:
        return _UNREADABLE
    return _UNDER_AGE if ages.low < ADULT else None
