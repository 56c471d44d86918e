"""One try, against a scripted server: what is sent, and how hostile answers end."""

import socket
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from tests.support.jobs.webhook_rows import ROW
from tests.support.servers.scripted_server import Script, Serve, answer, to_loopback
from worker.base.settings import Settings
from worker.webhooks.outbox import Try
from worker.webhooks.sender import Answer, Sender

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS = Settings(webhook_secrets=SECRET, webhook_timeout=5, allow_http_to=None)


def send(url: str, tls: ssl.SSLContext, settings: Settings = SETTINGS) -> Answer:
    tried = Try("evt_1-job", ROW | {"url": url})
    return Sender(settings, resolve=to_loopback, tls=tls).send(tried)


def saying(data: bytes) -> Script:
    """Answers, and stays until the client leaves: the body of the request may still be on its way."""

    def script(connection: socket.socket, path: str) -> None:
        connection.sendall(data)
        while data and connection.recv(65_536):
            pass

    return script


def test_a_post_over_tls_to_the_pinned_address(serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(saying(answer(204)))
    assert send(server.url("/hook?a=1"), tls) == Answer(204)
    (head,) = server.requests
    assert head.startswith("POST /hook?a=1 HTTP/1.1\r\n")
    assert "webhook-id: evt_1\r\n" in head
    assert "webhook-timestamp: 1795000001\r\n" in head
    assert server.server_names == ["images.test"]


def test_a_stranger_without_a_certificate_gets_nothing(serve: Serve) -> None:
    server = serve(saying(answer(200)))
    found = send(server.url(), ssl.create_default_context())
    assert (found.status, found.failure) == (None, "no answer (ConnectError)")
    assert server.requests == []


def test_redirects_are_not_followed(serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(saying(answer(307, "Location: /elsewhere", "Content-Length: 0")))
    assert send(server.url(), tls).status == 307
    assert server.connections == 1


def test_an_endless_body_is_not_read(serve: Serve, tls: ssl.SSLContext) -> None:
    def pour(connection: socket.socket, path: str) -> None:
        connection.sendall(answer(200, "Content-Length: 1000000000000"))
        with suppress(OSError):
            while True:
                connection.sendall(b"x" * 65_536)

    server = serve(pour)
    began = time.monotonic()
    assert send(server.url(), tls).status == 200
    assert time.monotonic() - began < 4


def _trickle(connection: socket.socket, path: str) -> None:
    with suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\n" + b"x" * 1000:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)


def _flood(connection: socket.socket, path: str) -> None:
    with suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-A: " + b"x" * 60_000 + b"\r\n")


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (_trickle, "no answer within 0.5 s"),
        (_flood, "no answer (RemoteProtocolError)"),
        (saying(b"SSH-2.0-OpenSSH\r\n\r\n"), "no answer (RemoteProtocolError)"),
        (saying(b""), "no answer (RemoteProtocolError)"),
    ],
)
def test_hostile_answers_end(serve: Serve, tls: ssl.SSLContext, script: Script, failure: str) -> None:
    impatient = SETTINGS.model_copy(update={"webhook_timeout": 0.5 if "within" in failure else 5})
    found = send(serve(script).url(), tls, impatient)
    assert (found.status, found.failure) == (None, failure)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (format_datetime(datetime.fromtimestamp(1795000061, UTC), usegmt=True), 60),
        (format_datetime(datetime.fromtimestamp(1000, UTC), usegmt=True), 0),
        ("9" * 400, float("inf")),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    serve: Serve, tls: ssl.SSLContext, value: str, seconds: float
) -> None:
    server = serve(saying(answer(503, f"Retry-After: {value}", "Content-Length: 0")))
    assert send(server.url(), tls) == Answer(503, retry_after=seconds)
