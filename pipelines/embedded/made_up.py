"""Makes up a person: what an appearance leaves open is drawn at random, as it was for the training people."""

from functools import cache

import numpy as np

from models.influencer import Appearance
from pipelines.embedded.appearance import Directions, Stated, as_described
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.chance import Factors, draw_factors, draw_hair_style, draw_looks
from pipelines.embedded.people.code import BROWS, Coder, looks_vector

OWN_MIX = 0.15
"""How much of a person's ancestry stays random where one is stated: not all who are "Asian" are equally so."""
TAME = 0.75
"""How much of the shape's spread is drawn, beyond what the factors explain. Drawing all of it makes caricatures."""
_MANY = 1000


def made_up(seed: int, appearance: Appearance, coder: Coder, directions: Directions) -> Floats:
    """The code (CODE,) of a person who looks as described. The same seed and appearance give the same person."""
    rng = np.random.default_rng(seed)
    person = _as_stated(draw_factors(rng), Stated.by(appearance), rng)
    shape = _draw_shape(rng, person, coder, directions)
    hair = draw_hair_style(rng, person)
    brow = int(rng.integers(BROWS))
    looks = looks_vector(person, draw_looks(rng, person, hair), hair, brow)
    code = coder.join(coder.unscaled(shape), looks)
    return as_described(code, appearance, coder, directions)


def _as_stated(person: Factors, stated: Stated, rng: np.random.Generator) -> Factors:
    values = {"sex": person.male, "age": person.age, "weight": person.weight}
    for name, share in zip(values, rng.random(len(values)), strict=True):
        if span := stated.spans.get(name):
            values[name] = span.low + (span.high - span.low) * share
    ancestry = person.ancestry
    if stated.ancestry is not None:
        ancestry = OWN_MIX * ancestry + (1 - OWN_MIX) * np.array(stated.ancestry)
    return Factors(ancestry, values["sex"], values["age"], values["weight"])


def _draw_shape(rng: np.random.Generator, person: Factors, coder: Coder, directions: Directions) -> Floats:
    """A code's shape (K,): what follows from the factors, plus a random draw of the spread that they leave."""
    slopes = directions.slopes[:, : coder.shape_size]
    others = _others()
    by_factors = (others - others.mean(0)) @ slopes
    left = np.sqrt(np.maximum(coder.prior() ** 2 - by_factors.var(0), 0))
    shape = (_vector(person) - others.mean(0)) @ slopes + rng.normal(0, TAME, len(left)) * left
    lowest, highest = directions.lowest[: len(left)], directions.highest[: len(left)]
    return np.asarray(np.clip(shape, lowest, highest), np.float32)


@cache
def _others() -> Floats:
    """The factors of many people, (_MANY, 6): for their mean and their spread."""
    rng = np.random.default_rng(0)
    return np.stack([_vector(draw_factors(rng)) for _ in range(_MANY)])


def _vector(person: Factors) -> Floats:
    """(6,), in the order of `appearance.factors.FACTORS`."""
    return np.array([*person.ancestry, person.male, person.age, person.weight])
