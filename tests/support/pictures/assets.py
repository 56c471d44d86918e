"""A tiny stand-in for MakeHuman's assets."""

import numpy as np

from tests.support.pictures.ball_head import ball_head, ball_textures
from training.people.assets import AGES, ANCESTRIES, SEXES, Assets, Morph


def ball_assets() -> Assets:
    """A ball for a head, with random morphs."""
    rng = np.random.default_rng(0)
    head = ball_head(rng)

    def moves(size: float) -> np.ndarray:
        return rng.normal(0, size, head.base.shape).astype(np.float32)

    macro: dict[tuple[str, ...], np.ndarray] = {}
    for sex in SEXES:
        for age in AGES:
            macro |= {(ancestry, sex, age): moves(0.01) for ancestry in ANCESTRIES}
            macro |= {(sex, age, weight): moves(0.01) for weight in ("minweight", "maxweight")}
    groups = ("head", "nose", "mouth", "eyes")
    morphs = tuple(Morph(group, group, moves(0.02), moves(0.02), True) for group in groups)
    return Assets(head, macro, morphs, ball_textures(rng))
