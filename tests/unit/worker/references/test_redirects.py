"""Redirects, and names whose addresses change: every hop is judged anew."""

import socket
import ssl
from functools import partial
from ipaddress import ip_address

import pytest

from models.errors import (
    ReferenceFetchFailed,
    ReferenceUrlRefused,
)
from tests.support.servers.scripted_server import (
    HOST,
    IMPATIENT,
    LOOPBACK,
    SETTINGS,
    Serve,
    always,
    answer,
    by_path,
    fetch,
    picture,
    redirect,
    to_loopback,
)
from worker.net import guard
from worker.net.guard import Address
from worker.net.pinned import Resolver


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(serve: Serve, tls: ssl.SSLContext, status: int) -> None:
    server = serve(by_path(a=redirect("/b?x", status), b=picture()))

    assert fetch(server, tls) == b"pixels"


def test_a_url_as_long_as_the_contract_lets_it_be_is_fetched_and_redirected_to(
    serve: Serve, tls: ssl.SSLContext
) -> None:
    def longest(path: str) -> str:
        return path + "?signature=" + "x" * (8192 - len(server.url(f"{path}?signature=")))

    def answers(connection: socket.socket, path: str) -> None:
        connection.sendall(redirect(longest("/b")) if path.startswith("/a") else picture())

    server = serve(answers)
    assert len(server.url(longest("/a"))) == 8192

    assert fetch(server, tls, longest("/a")) == b"pixels"


def test_nothing_is_carried_over_a_redirect(serve: Serve, tls: ssl.SSLContext) -> None:
    first = answer(302, "Location: /b", "Set-Cookie: a=b", "Content-Length: 0")
    server = serve(by_path(a=first, b=picture()))

    fetch(server, tls, "/a?signature=sesame")

    assert "ookie" not in server.requests[1]
    assert "sesame" not in server.requests[1]


def test_five_redirects_are_followed_and_six_are_not(serve: Serve, tls: ssl.SSLContext) -> None:
    hops = {f"r{n}": redirect(f"/r{n - 1}") for n in range(1, 7)}
    server = serve(by_path(r0=picture(), **hops))

    assert fetch(server, tls, "/r5") == b"pixels"
    with pytest.raises(ReferenceUrlRefused):
        fetch(server, tls, "/r6")


def test_a_loop_ends(serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(always(redirect("/a")))

    with pytest.raises(ReferenceUrlRefused):
        fetch(server, tls)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "location",
    [
        "http://images.test/b",
        "file:///etc/passwd",
        "ftp://images.test/b",
        "//user:sesame@images.test/b",
        "https://2130706433/b",
        "https://[::1/b",
        "\\\\images.test/b",
        "http://127.0.0.1:9000/b",
    ],
)
def test_redirects_to_refused_urls_end_it(serve: Serve, tls: ssl.SSLContext, location: str) -> None:
    server = serve(always(redirect(location)))
    with_store = SETTINGS.model_copy(update={"allow_http_to": "127.0.0.1:9000"})

    with pytest.raises(ReferenceUrlRefused) as caught:
        fetch(server, tls, settings=with_store)

    assert len(server.requests) == 1
    assert "sesame" not in caught.value.message


def test_a_redirect_without_a_place_ends(serve: Serve, tls: ssl.SSLContext) -> None:
    with pytest.raises(ReferenceUrlRefused):
        fetch(serve(always(answer(302, "Content-Length: 0"))), tls)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"])
def test_redirects_to_private_addresses_end_it(serve: Serve, tls: ssl.SSLContext, host: str) -> None:
    def script(connection: socket.socket, path: str) -> None:
        connection.sendall(redirect(f"https://{host}:{server.port}/b"))

    server = serve(script)

    def first_then_policy(name: str, port: int) -> tuple[Address, ...]:
        return (LOOPBACK,) if name == HOST else guard.resolve(name, port)

    with pytest.raises(ReferenceUrlRefused):
        fetch(server, tls, resolve=first_then_policy)
    assert server.connections == 1


def test_a_name_that_turns_private_is_never_connected_to(
    serve: Serve, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding within one request: the second answer would be the server on this machine."""
    server = serve(always(picture()))
    answers = ["93.184.216.34", "127.0.0.1", "127.0.0.1"]
    tried: list[str] = []

    def rebinding(host: str, port: int) -> tuple[Address, ...]:
        return (ip_address(answers.pop(0)),)

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        tried.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)

    with pytest.raises(ReferenceFetchFailed):
        fetch(server, tls, resolve=partial(guard.resolve, look_up=rebinding))
    assert tried == ["93.184.216.34"]
    assert len(answers) == 2
    assert server.connections == 0


def test_a_name_that_turns_private_between_redirects_is_refused(serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(by_path(a=redirect("/b"), b=picture()))
    policies: list[Resolver] = [to_loopback, partial(guard.resolve, look_up=to_loopback)]

    def next_policy(host: str, port: int) -> tuple[Address, ...]:
        policy = policies.pop(0)
        return policy(host, port)

    with pytest.raises(ReferenceUrlRefused):
        fetch(server, tls, resolve=next_policy)
    assert server.connections == 1


def test_redirects_share_the_time(serve: Serve, tls: ssl.SSLContext) -> None:
    def script(connection: socket.socket, path: str) -> None:
        server.stopping.wait(0.15)
        connection.sendall(redirect("/a"))

    server = serve(script)

    with pytest.raises(ReferenceFetchFailed):
        fetch(server, tls, settings=IMPATIENT)
    assert len(server.requests) <= 3, "three answers take longer than all may"
