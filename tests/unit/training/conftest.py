"""A tiny stand-in for MakeHuman's assets."""

import numpy as np
import pytest

from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.points import Points, choose_points
from tests.support.pictures.ball_head import ball_head, ball_textures
from training.data.generate import make_coder
from training.people.assets import AGES, ANCESTRIES, SEXES, Assets, Morph


@pytest.fixture(scope="session")
def assets() -> Assets:
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


@pytest.fixture(scope="session")
def drawer(assets: Assets) -> Drawer:
    """With a coder that encodes people, too: its basis has all that differs between them."""
    coder = make_coder(assets, 40)
    points = Points.of(assets.head, coder, choose_points(assets.head))
    return Drawer(assets.head, coder, assets.textures, points)
