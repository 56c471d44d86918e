"""Receivers of webhooks."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.deliveries import StartReceiver
from tests.support.servers.receiver import Receiver, Reply


@pytest.fixture
def receive() -> Iterator[StartReceiver]:
    """Start receivers: `receive((503, {}))` fails once."""
    running: list[Receiver] = []

    def start(*replies: Reply, **kwargs: Any) -> Receiver:
        running.append(Receiver(*replies, **kwargs))
        return running[-1]

    yield start
    for receiver in running:
        receiver.stop()
