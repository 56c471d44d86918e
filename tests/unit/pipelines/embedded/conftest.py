"""A drawer of ball heads, and the profile with the weights that are shipped."""

import numpy as np
import pytest

from pipelines.embedded.people.code import LOOKS_SIZE, Coder
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.points import Points, choose_points
from pipelines.embedded.people.shape import ShapeBasis
from tests.support.pictures.ball_head import ball_head, ball_textures
from tests.support.weights.embedded import engine, shipped

__all__ = ["engine", "shipped"]


@pytest.fixture(scope="session")
def drawer() -> Drawer:
    rng = np.random.default_rng(0)
    head = ball_head(rng)
    components = rng.normal(0, 0.02, (30, *head.base.shape)).astype(np.float32)
    spread = np.linspace(2, 0.2, len(components)).astype(np.float32)
    looks_mean, looks_spread = rng.uniform(0.2, 0.8, (2, LOOKS_SIZE)).astype(np.float32)
    coder = Coder(ShapeBasis(head.base, components, spread), looks_mean, looks_spread)
    return Drawer(head, coder, ball_textures(rng), Points.of(head, coder, choose_points(head)))
