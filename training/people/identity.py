"""An identity: everything about a person that a new view doesn't change. It follows from its seed alone."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.colour import linear
from pipelines.embedded.people.head import NO_HAIR
from pipelines.embedded.people.looks import Looks
from training.people import colour
from training.people.assets import AGES, ANCESTRIES, SEXES, Assets

SPREAD = {  # standard deviation of a group's morphs; larger ones look like cartoons
    "head": 0.26,
    "forehead": 0.35,
    "eyebrows": 0.35,
    "neck": 0.20,
    "eyes": 0.36,
    "nose": 0.34,
    "mouth": 0.28,
    "ears": 0.25,
    "chin": 0.26,
    "cheek": 0.36,
}
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
class Identity:
    seed: int
    ancestry: Floats  # (3,), sums to 1
    male: float
    age: float  # 0 young, 1 old
    weight: float  # -1 to 1
    body: Floats  # (N, 3) the person's vertices at rest
    hair: str  # a style of head.HAIR_STYLES, or NO_HAIR
    brow: int  # which of the textures
    looks: Looks


def sample_identity(assets: Assets, seed: int) -> Identity:
    rng = np.random.default_rng(seed)
    ancestry = rng.dirichlet([0.35, 0.35, 0.35])
    is_male = bool(rng.random() < 0.5)
    male = (0.96 if is_male else 0.04) + rng.uniform(-0.04, 0.04)
    age = rng.beta(1.1, 2.2)
    weight = float(np.clip(rng.normal(0, 0.45), -1, 1))
    body = _body(assets, rng, ancestry, male=male, age=age, weight=weight)
    hair = _hair_style(rng, is_male, ancestry)
    return Identity(
        seed=seed,
        ancestry=ancestry.astype(np.float32),
        male=float(male),
        age=float(age),
        weight=weight,
        body=body,
        hair=hair,
        brow=int(rng.integers(len(assets.textures.brows))),
        looks=_looks(rng, is_male, ancestry, age, hair),
    )


def _body(
    assets: Assets, rng: np.random.Generator, ancestry: np.ndarray, *, male: float, age: float, weight: float
) -> Floats:
    body = assets.head.base.copy()
    for sex, sex_share in zip(SEXES, (1 - male, male), strict=True):
        for age_name, age_share in zip(AGES, (1 - age, age), strict=True):
            share = np.float32(sex_share * age_share)
            for name, part in zip(ANCESTRIES, ancestry, strict=True):
                body += assets.macro[name, sex, age_name] * np.float32(part) * share
            extreme = "maxweight" if weight > 0 else "minweight"
            body += assets.macro[sex, age_name, extreme] * np.float32(abs(weight) * 0.8) * share
    for morph in assets.morphs:
        strength = rng.normal(0, SPREAD[morph.group]) * (rng.random() < 0.75)
        strength = float(np.clip(strength, -0.85, 0.85))
        if not morph.two_sided:
            strength = abs(strength) * 0.7
        if strength:
            body += (morph.high if strength > 0 else morph.low) * np.float32(abs(strength))
    return body


def _hair_style(rng: np.random.Generator, is_male: bool, ancestry: np.ndarray) -> str:
    styles = MENS_HAIR if is_male else WOMENS_HAIR
    style = styles[rng.integers(len(styles))]
    if style == "afro01" and ancestry[0] < 0.3 and rng.random() < 0.7:
        style = "short02" if is_male else "long01"
    return style


def _looks(rng: np.random.Generator, is_male: bool, ancestry: np.ndarray, age: float, hair: str) -> Looks:
    skin = np.zeros(3)
    for name, part in zip(ANCESTRIES, ancestry, strict=True):
        skin += part * np.array(colour.SKIN[name][rng.integers(5)], np.float64)
    skin += rng.normal(0, 5, 3)
    lips = skin * [0.88, 0.66, 0.68] + [8, -2, 4] + rng.normal(0, 7, 3)
    if not is_male and rng.random() < 0.45:
        lips = lips * 0.55 + 0.45 * np.array(colour.LIPSTICK[rng.integers(4)])
    hair_colour = _hair_colour(rng, ancestry, age)
    iris = colour.pick(rng, colour.EYES)
    if ancestry[0] + ancestry[1] > 0.7 and rng.random() < 0.85:
        iris = np.array(colour.EYES["brown"][0], np.float64)
    pale = skin.mean() > 150
    bearded = is_male and rng.random() < 0.55
    jaw, moustache = ((1.0, 1.0), (1.0, 0.0), (0.8, 1.0), (0.9, 0.6))[rng.integers(4)]
    return Looks(
        skin=linear(skin),
        lips=linear(lips),
        hair=linear(hair_colour),
        brow=linear(hair_colour * 0.62 + rng.uniform(-6, 6)),
        iris=linear(iris + rng.normal(0, 6, 3)),
        blush=rng.uniform(0.4, 1.5),
        sockets=rng.uniform(0, 1) * (0.4 + age),
        freckles=rng.uniform(0.5, 1) if pale and rng.random() < 0.18 else 0.0,
        mole=float(rng.random() < 0.2),
        mole_x=rng.uniform(-0.55, 0.55),
        mole_y=rng.uniform(6.3, 7.1),
        beard=float(rng.choice([0.25, 0.4, 0.75, 0.95])) if bearded else 0.0,
        beard_jaw=jaw,
        beard_moustache=moustache,
        lines=max(0.0, (float(age) - 0.25) * 1.3),
        brow_lift=rng.uniform(-0.03, 0.05),
        brow_tall=rng.uniform(0.85, 1.2),
        brow_dense=rng.uniform(0.75, 1.35) * (1.0 if is_male else 0.9),
        scalp=1.0 if hair != NO_HAIR else 0.35 * float(rng.random() < 0.5),
        strands=float(rng.choice([0.0, 0.5, 1.0])),
        grain=int(rng.integers(100_000)),
    )


def _hair_colour(rng: np.random.Generator, ancestry: np.ndarray, age: float) -> np.ndarray:
    chosen = colour.pick(rng, colour.HAIR)
    if ancestry[0] + ancestry[1] > 0.75 and rng.random() < 0.8:
        chosen = np.array(colour.HAIR[("black", "dark brown")[rng.integers(2)]][0], np.float64)
    if age > 0.6 and rng.random() < 0.7:
        chosen = np.array(colour.GREY_HAIR[rng.integers(3)], np.float64)
    return chosen * rng.uniform(0.85, 1.15) + rng.normal(0, 3, 3)
