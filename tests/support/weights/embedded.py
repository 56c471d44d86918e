"""The profile `embedded` with the weights that are shipped, loaded once: fixtures for two folders of tests."""

from pathlib import Path

import pytest

from models.render import RenderOptions
from pipelines.embedded.profile import Embedded
from pipelines.loading import load_pipeline
from pipelines.sources import EMBEDDED
from pipelines.weights import WeightStore, store_of


@pytest.fixture(scope="session")
def shipped() -> WeightStore:
    """Where the package's own weights are, whatever folder a worker has for others."""
    return store_of(EMBEDDED, Path("none"))


@pytest.fixture(scope="session")
def engine() -> Embedded:
    """At half its size, which shows as much of what is tested."""
    loaded = load_pipeline(RenderOptions(profile="embedded", device="cpu", image_size=256))
    assert isinstance(loaded, Embedded)
    return loaded
