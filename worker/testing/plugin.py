"""A plugin of pytest, which finds it by its entry point."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from worker.testing.fake_stack import FakeStack


@pytest.fixture(scope="session")
def likeness_fake(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[FakeStack]":
    """Likeness with a worker that draws placeholders, once for all tests."""
    # Imported only where a test wants it: every run of pytest imports this module.
    from worker.testing.fake_stack import FakeStack

    with FakeStack(tmp_path_factory.mktemp("likeness")) as running:
        yield running
