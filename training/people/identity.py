"""An identity: everything about a person that a new view doesn't change. It follows from its seed alone."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.chance import Factors, draw_factors, draw_hair_style, draw_looks
from pipelines.embedded.people.looks import Looks
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


@dataclass(frozen=True)
class Identity:
    seed: int
    factors: Factors
    body: Floats  # (N, 3) the person's vertices at rest
    hair: str  # a style of head.HAIR_STYLES, or NO_HAIR
    brow: int  # which of the textures
    looks: Looks


def sample_identity(assets: Assets, seed: int) -> Identity:
    rng = np.random.default_rng(seed)
    factors = draw_factors(rng)
    body = _body(assets, rng, factors)
    hair = draw_hair_style(rng, factors)
    brow = int(rng.integers(len(assets.textures.brows)))
    return Identity(seed, factors, body, hair, brow, draw_looks(rng, factors, hair))


def _body(assets: Assets, rng: np.random.Generator, person: Factors) -> Floats:
    body = assets.head.base.copy()
    for sex, sex_share in zip(SEXES, (1 - person.male, person.male), strict=True):
        for age_name, age_share in zip(AGES, (1 - person.age, person.age), strict=True):
            share = np.float32(sex_share * age_share)
            for name, part in zip(ANCESTRIES, person.ancestry, strict=True):
                body += assets.macro[name, sex, age_name] * np.float32(part) * share
            extreme = "maxweight" if person.weight > 0 else "minweight"
            body += assets.macro[sex, age_name, extreme] * np.float32(abs(person.weight) * 0.8) * share
    for morph in assets.morphs:
        strength = rng.normal(0, SPREAD[morph.group]) * (rng.random() < 0.75)
        strength = float(np.clip(strength, -0.85, 0.85))
        if not morph.two_sided:
            strength = abs(strength) * 0.7
        if strength:
            body += (morph.high if strength > 0 else morph.low) * np.float32(abs(strength))
    return body
