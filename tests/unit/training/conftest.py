"""A tiny stand-in for MakeHuman's assets."""

import pytest

from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.points import Points, choose_points
from tests.support.pictures.assets import ball_assets
from training.data.generate import make_coder
from training.people.assets import Assets


@pytest.fixture(scope="session")
def assets() -> Assets:
    return ball_assets()


@pytest.fixture(scope="session")
def drawer(assets: Assets) -> Drawer:
    """With a coder that encodes people, too: its basis has all that differs between them."""
    coder = make_coder(assets, 40)
    points = Points.of(assets.head, coder, choose_points(assets.head))
    return Drawer(assets.head, coder, assets.textures, points)
