"""The stand-in for MakeHuman's assets."""

import pytest

from tests.support.pictures.assets import ball_assets
from training.people.assets import Assets


@pytest.fixture(scope="session")
def assets() -> Assets:
    return ball_assets()
