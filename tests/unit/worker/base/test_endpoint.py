"""The HTTP endpoint: answers, reasons, and clients that misbehave."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection

import pytest

from models.errors import InvalidSettings
from worker.base.endpoint import Endpoint


@dataclass
class Service:
    lives: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def metrics(self, accept: str) -> tuple[bytes, str]:
        self.asked.append(accept)
        return b"likeness_x 1\n", "text/plain; version=1"


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def endpoint(service: Service) -> Iterator[Endpoint]:
    running = Endpoint(
        "127.0.0.1", 0, live=lambda: service.lives, ready=lambda: service.lacks, metrics=service.metrics
    )
    running.start()
    yield running
    running.stop()


def ask(endpoint: Endpoint, path: str, method: str = "GET") -> tuple[int, str, str]:
    connection = HTTPConnection("127.0.0.1", endpoint.port, timeout=5)
    try:
        connection.request(method, path, headers={"Accept": "text/plain"})
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def test_probes_say_why(endpoint: Endpoint, service: Service) -> None:
    status, content_type, body = ask(endpoint, "/ready?verbose")
    assert (status, content_type) == (200, "application/json")
    assert json.loads(body) == {"ok": True, "reasons": []}
    service.lacks.append("draining")
    status, _, body = ask(endpoint, "/ready")
    assert (status, json.loads(body)) == (503, {"ok": False, "reasons": ["draining"]})
    assert ask(endpoint, "/live")[0] == 200
    assert ask(endpoint, "/ready", "HEAD") == (503, "application/json", "")


def test_metrics_come_as_they_were_asked_for(endpoint: Endpoint, service: Service) -> None:
    assert ask(endpoint, "/metrics") == (200, "text/plain; version=1", "likeness_x 1\n")
    assert service.asked == ["text/plain"]


def test_nothing_else_is_there(endpoint: Endpoint) -> None:
    assert ask(endpoint, "/")[0] == 404
    assert ask(endpoint, "/ready", "POST")[0] == 501


def test_a_client_that_says_nothing_keeps_nobody_waiting(endpoint: Endpoint) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port)):
        assert ask(endpoint, "/live")[0] == 200


def test_a_taken_port_is_named(endpoint: Endpoint) -> None:
    def never(*_: str) -> tuple[bytes, str]:
        raise AssertionError

    with pytest.raises(InvalidSettings, match=f"LIKENESS_HTTP_PORT: 127.0.0.1:{endpoint.port}"):
        Endpoint("127.0.0.1", endpoint.port, live=list, ready=list, metrics=never)
