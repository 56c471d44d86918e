"""Draws people at random: what a person is, and how that person looks.

The training people are drawn this way, and so are the people that a job makes up.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people import palette
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.colour import linear
from pipelines.embedded.people.head import NO_HAIR
from pipelines.embedded.people.looks import Looks

WOMENS_HAIR = (
    "long01",
    "long01",
    "ponytail01",
    "ponytail01",
    "braid01",
    "braid01",
    "short04",
    "short01",
    "afro01",
)
MENS_HAIR = (
    "short01",
    "short01",
    "short02",
    "short02",
    "short04",
    "short04",
    NO_HAIR,
    "ponytail01",
    "afro01",
)


@dataclass(frozen=True)
class Factors:
    """The factors that shape a whole person."""

    ancestry: Floats  # (3,) African, Asian, Caucasian: sums to 1
    male: float  # 0 to 1
    age: float  # 0 young, 1 old
    weight: float  # -1 to 1

    @property
    def is_male(self) -> bool:
        return self.male > 0.5


def draw_factors(rng: np.random.Generator) -> Factors:
    ancestry = rng.dirichlet([0.35, 0.35, 0.35])
    male = (0.96 if rng.random() < 0.5 else 0.04) + rng.uniform(-0.04, 0.04)
    age = rng.beta(1.1, 2.2)
    return Factors(ancestry, male, age, float(np.clip(rng.normal(0, 0.45), -1, 1)))


def draw_hair_style(rng: np.random.Generator, person: Factors) -> str:
    """Draws one of `code.STYLES`."""
    styles = MENS_HAIR if person.is_male else WOMENS_HAIR
    style = styles[rng.integers(len(styles))]
    if style == "afro01" and person.ancestry[0] < 0.3 and rng.random() < 0.7:
        style = "short02" if person.is_male else "long01"
    return style


def draw_looks(rng: np.random.Generator, person: Factors, hair: str) -> Looks:
    skin = np.zeros(3)
    for shades, part in zip(palette.SKIN.values(), person.ancestry, strict=True):
        skin += part * np.array(shades[rng.integers(5)], np.float64)
    skin += rng.normal(0, 5, 3)
    lips = skin * [0.88, 0.66, 0.68] + [8, -2, 4] + rng.normal(0, 7, 3)
    if not person.is_male and rng.random() < 0.45:
        lips = lips * 0.55 + 0.45 * np.array(palette.LIPSTICK[rng.integers(4)])
    hair_colour = _hair_colour(rng, person)
    iris = palette.pick(rng, palette.EYES)
    if person.ancestry[:2].sum() > 0.7 and rng.random() < 0.85:
        iris = np.array(palette.EYES["brown"][0], np.float64)
    pale = skin.mean() > 150
    bearded = person.is_male and rng.random() < 0.55
    jaw, moustache = ((1.0, 1.0), (1.0, 0.0), (0.8, 1.0), (0.9, 0.6))[rng.integers(4)]
    return Looks(
        skin=linear(skin),
        lips=linear(lips),
        hair=linear(hair_colour),
        brow=linear(hair_colour * 0.62 + rng.uniform(-6, 6)),
        iris=linear(iris + rng.normal(0, 6, 3)),
        blush=rng.uniform(0.4, 1.5),
        sockets=rng.uniform(0, 1) * (0.4 + person.age),
        freckles=rng.uniform(0.5, 1) if pale and rng.random() < 0.18 else 0.0,
        mole=float(rng.random() < 0.2),
        mole_x=rng.uniform(-0.55, 0.55),
        mole_y=rng.uniform(6.3, 7.1),
        beard=float(rng.choice([0.25, 0.4, 0.75, 0.95])) if bearded else 0.0,
        beard_jaw=jaw,
        beard_moustache=moustache,
        lines=max(0.0, (float(person.age) - 0.25) * 1.3),
        brow_lift=rng.uniform(-0.03, 0.05),
        brow_tall=rng.uniform(0.85, 1.2),
        brow_dense=rng.uniform(0.75, 1.35) * (1.0 if person.is_male else 0.9),
        scalp=1.0 if hair != NO_HAIR else 0.35 * float(rng.random() < 0.5),
        strands=float(rng.choice([0.0, 0.5, 1.0])),
        grain=int(rng.integers(100_000)),
    )


def _hair_colour(rng: np.random.Generator, person: Factors) -> Floats:
    chosen = palette.pick(rng, palette.HAIR)
    if person.ancestry[:2].sum() > 0.75 and rng.random() < 0.8:
        chosen = np.array(palette.HAIR[("black", "dark brown")[rng.integers(2)]][0], np.float64)
    if person.age > 0.6 and rng.random() < 0.7:
        chosen = np.array(palette.GREY_HAIR[rng.integers(3)], np.float64)
    return chosen * rng.uniform(0.85, 1.15) + rng.normal(0, 3, 3)
