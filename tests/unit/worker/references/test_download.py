"""Downloads from hostile servers, over real TLS on loopback."""

import gzip
import logging
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address
from threading import Event

import pytest

from models.errors import (
    LikenessError,
    ReferenceFetchFailed,
    ReferenceNotFound,
    ReferenceTooLarge,
    ReferenceUrlRefused,
    UnusableReference,
)
from tests.support.servers.scripted_server import (
    HOST,
    IMPATIENT,
    LOOPBACK,
    SETTINGS,
    Script,
    ScriptedServer,
    Serve,
    always,
    answer,
    by_path,
    fetch,
    picture,
    redirect,
    to_loopback,
)
from tests.support.stopwatch import Stopwatch
from worker.net.guard import Address
from worker.references.download import download


def test_the_body_comes_back_and_the_name_stays_on_the_request(serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(always(picture(b"\0pixels")))

    assert fetch(server, tls, "/b/a.png?x=%2F") == b"\0pixels"

    [request] = server.requests
    assert request.startswith("GET /b/a.png?x=%2F HTTP/1.1\r\n")
    assert f"Host: {HOST}:{server.port}\r\n" in request
    assert "Accept-Encoding: identity\r\n" in request
    assert "User-Agent: likeness/0" in request
    assert server.server_names == [HOST]


def test_a_chunked_body_comes_back(serve: Serve, tls: ssl.SSLContext) -> None:
    chunked = answer(200, "Transfer-Encoding: chunked", body=b"3\r\npix\r\n3\r\nels\r\n0\r\n\r\n")

    assert fetch(serve(always(chunked)), tls) == b"pixels"


@pytest.mark.parametrize("name", ["other.test", "127.0.0.1"])
def test_a_certificate_for_another_name_ends_it(serve: Serve, tls: ssl.SSLContext, name: str) -> None:
    server = serve(always(picture()))

    with pytest.raises(ReferenceFetchFailed):
        download(server.url(host=name), SETTINGS, resolve=to_loopback, tls=tls)
    assert server.requests == []


def test_an_unknown_authority_ends_it(serve: Serve) -> None:
    server = serve(always(picture()))

    with pytest.raises(ReferenceFetchFailed):
        download(server.url(), SETTINGS, resolve=to_loopback)
    assert server.requests == []


def test_proxies_of_the_environment_are_ignored(
    serve: Serve, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert fetch(serve(always(picture())), tls) == b"pixels"


STATUSES: list[tuple[int, type[LikenessError]]] = [
    (404, ReferenceNotFound),
    (410, ReferenceNotFound),
    (304, UnusableReference),
    (400, UnusableReference),
    (401, UnusableReference),
    (403, UnusableReference),
    (451, UnusableReference),
    (408, ReferenceFetchFailed),
    (425, ReferenceFetchFailed),
    (429, ReferenceFetchFailed),
    (500, ReferenceFetchFailed),
    (503, ReferenceFetchFailed),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_each_status_has_its_error(
    serve: Serve, tls: ssl.SSLContext, status: int, kind: type[LikenessError]
) -> None:
    with pytest.raises(UnusableReference) as caught:
        fetch(serve(always(answer(status, "Content-Length: 0"))), tls)

    assert type(caught.value) is kind
    assert caught.value.details == {"host": HOST, "status": status}


def test_the_next_address_is_tried(serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(always(picture()))

    def two(host: str, port: int) -> tuple[Address, ...]:
        return (ip_address("127.0.0.2"), LOOPBACK)  # nobody listens at the first

    assert fetch(server, tls, resolve=two) == b"pixels"


def drip(head: bytes) -> Callable[[Serve], ScriptedServer]:
    """A server that says `head` and then one byte every 20 ms, for ever."""

    def start(serve: Serve) -> ScriptedServer:
        def script(connection: socket.socket, path: str) -> None:
            connection.sendall(head)
            while not server.stopping.wait(0.02):
                connection.sendall(b"a")

        server = serve(script)
        return server

    return start


SLOW = {
    "body": drip(answer(200, "Content-Length: 90000")),
    "body-without-length": drip(answer(200)),
    "status-line": drip(b"HTTP/1.1 200 "),
    "headers": drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "endless-continue": drip(answer(100) * 3 + b"HTTP/1.1 1"),
}


@pytest.mark.parametrize("start", SLOW.values(), ids=SLOW.keys())
def test_slow_answers_are_cut_off(
    serve: Serve, tls: ssl.SSLContext, start: Callable[[Serve], ScriptedServer]
) -> None:
    server, began = start(serve), time.monotonic()

    with Stopwatch() as watch, pytest.raises(ReferenceFetchFailed):
        fetch(server, tls, settings=IMPATIENT)
    assert time.monotonic() - began > 0.3
    assert watch.seconds < 1.5


def test_a_handshake_that_never_comes_is_cut_off(tls: ssl.SSLContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with Stopwatch() as watch, pytest.raises(ReferenceFetchFailed):
            download(f"https://{HOST}:{silent.getsockname()[1]}/", IMPATIENT, resolve=to_loopback, tls=tls)
        assert watch.seconds < 1.5


def test_a_resolver_that_hangs_is_cut_off() -> None:
    never = Event()

    def hang(host: str, port: int) -> tuple[Address, ...]:
        never.wait(5)
        return (LOOPBACK,)

    with Stopwatch() as watch, pytest.raises(ReferenceFetchFailed):
        download(f"https://{HOST}/", IMPATIENT, resolve=hang)
    assert watch.seconds < 1.5
    never.set()


def test_a_length_above_the_cap_is_refused_unread(serve: Serve, tls: ssl.SSLContext) -> None:
    """The body never comes: waiting for it would end in a timeout instead."""

    def script(connection: socket.socket, path: str) -> None:
        connection.sendall(answer(200, "Content-Length: 100001"))
        server.stopping.wait(5)

    server = serve(script)

    with pytest.raises(ReferenceTooLarge):
        fetch(server, tls)


def flood(head: bytes, piece: bytes) -> Script:
    def script(connection: socket.socket, path: str) -> None:
        connection.sendall(head)
        while True:  # until the client hangs up
            connection.sendall(piece)

    return script


@pytest.mark.parametrize(
    "script",
    [
        flood(answer(200), bytes(50_000)),
        flood(answer(200, "Transfer-Encoding: chunked"), b"c350\r\n" + bytes(50_000) + b"\r\n"),
        flood(answer(200, "Transfer-Encoding: chunked"), b"1\r\na\r\n" * 10_000),
    ],
    ids=["until-close", "chunked", "tiny-chunks"],
)
def test_an_endless_body_is_cut_off_at_the_cap(serve: Serve, tls: ssl.SSLContext, script: Script) -> None:
    with pytest.raises(ReferenceTooLarge):
        fetch(serve(script), tls)


def test_a_body_of_just_the_cap_is_taken(serve: Serve, tls: ssl.SSLContext) -> None:
    assert len(fetch(serve(always(picture(bytes(100_000)))), tls)) == 100_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip"])
def test_compressed_bodies_are_not_unpacked(serve: Serve, tls: ssl.SSLContext, encoding: str) -> None:
    bomb = gzip.compress(bytes(50_000_000), 1)[:90_000]

    with pytest.raises(UnusableReference) as caught:
        fetch(serve(always(picture(bomb, f"Content-Encoding: {encoding}"))), tls)
    assert type(caught.value) is UnusableReference


@pytest.mark.parametrize("encoding", ["identity", "aws-chunked", ""])
def test_encodings_that_change_nothing_are_taken(serve: Serve, tls: ssl.SSLContext, encoding: str) -> None:
    assert fetch(serve(always(picture(b"pixels", f"Content-Encoding: {encoding}"))), tls) == b"pixels"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        answer(200, "Content-Length: 100", body=b"short"),
        answer(200, "Content-Length: x"),
        answer(200, "Content-Length: -1"),
        answer(200, "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
        answer(200, "X-Long: " + "a" * 300_000),
        answer(200, "Transfer-Encoding: chunked", body=b"zz\r\n"),
    ],
    ids=["nothing", "ssh", "status", "short", "length", "negative", "transfer", "long-header", "chunk"],
)
def test_broken_answers_can_be_tried_again(serve: Serve, tls: ssl.SSLContext, data: bytes) -> None:
    with pytest.raises(ReferenceFetchFailed) as caught:
        fetch(serve(always(data)), tls)

    assert caught.value.retryable


def test_nobody_listens(tls: ssl.SSLContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    with pytest.raises(ReferenceFetchFailed):
        download(f"https://{HOST}:{port}/", SETTINGS, resolve=to_loopback, tls=tls)


def test_our_own_store_is_fetched_over_plain_http(serve: Serve) -> None:
    server = serve(by_path(a=redirect("/b"), b=picture()), secure=False)
    settings = SETTINGS.model_copy(update={"allow_http_to": f"127.0.0.1:{server.port}"})

    assert download(server.url("/a", host="127.0.0.1"), settings) == b"pixels"
    assert f"Host: 127.0.0.1:{server.port}\r\n" in server.requests[0]


@pytest.mark.parametrize(
    "data",
    [
        answer(404, "Content-Length: 0"),
        answer(403, "Content-Length: 0"),
        answer(500, "Content-Length: 0"),
        redirect("http://user:sesame@images.test/?sesame"),
        redirect("/b?sesame"),
        answer(200, "Content-Length: 900000"),
        picture(b"", "Content-Encoding: gzip"),
        b"sesame",
    ],
)
def test_signatures_stay_out_of_errors_and_logs(
    serve: Serve, tls: ssl.SSLContext, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    with pytest.raises(UnusableReference) as caught:
        fetch(serve(always(data)), tls, "/a?signature=sesame")

    error = caught.value
    assert "sesame" not in f"{error.message} {error.details} {error!r} {error.__cause__!r}"
    assert "sesame" not in caplog.text


@pytest.mark.parametrize("url", ["https://user:sesame@images.test/", "https://images.test:0/?sesame"])
def test_refused_urls_are_not_repeated(url: str) -> None:
    with pytest.raises(ReferenceUrlRefused) as caught:
        download(url, SETTINGS)

    assert "sesame" not in f"{caught.value.message} {caught.value.details}"


def test_importing_it_loads_neither_boto3_nor_torch() -> None:
    check = "import sys, worker.references.download; sys.exit(bool({'boto3', 'torch'} & set(sys.modules)))"

    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)
