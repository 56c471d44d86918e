"""A scripted server on loopback, what it may say, and how the tests fetch from it."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from threading import Event, Thread

from worker.base.settings import Settings
from worker.net.guard import Address
from worker.net.pinned import Resolver
from worker.references.download import download

HOST = "images.test"
LOOPBACK = ip_address("127.0.0.1")
SETTINGS = Settings(reference_max_bytes=100_000, fetch_timeout=30, allow_http_to=None)
IMPATIENT = SETTINGS.model_copy(update={"fetch_timeout": 0.4})

Script = Callable[[socket.socket, str], None]
"""Gets the connection, after the head of a request came in, and the request's path."""


class ScriptedServer:
    """Answers each connection's first request with a script, which gets the socket and the path."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None) -> None:
        self.requests: list[str] = []
        """The head of every request."""
        self.connections = 0
        self.server_names: list[str | None] = []
        self.stopping = Event()
        self._script = script
        self._tls = tls
        self._threads: list[Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        if tls is not None:
            tls.sni_callback = self._note_name
        self._start(self._accept)

    def url(self, path: str = "/a.png", host: str = HOST) -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def stop(self) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RD)  # wakes the thread that accepts
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _note_name(self, _socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        self.server_names.append(name)

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # raised when stopping
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        # A client that hangs up, or doesn't like the certificate, is what many tests are about.
        with suppress(OSError), connection:
            connection.settimeout(5)
            if self._tls is None:
                self._answer(connection)
                return
            with self._tls.wrap_socket(connection, server_side=True) as secured:
                self._answer(secured)

    def _answer(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(4096)
            if not data:
                return
            head += data
        self.requests.append(head.decode("latin-1"))
        self._script(connection, head.split(b" ")[1].decode("latin-1"))


Serve = Callable[..., ScriptedServer]
"""Starts a server: `serve(script)`, with a certificate for HOST; `secure=False` for plain http."""


def to_loopback(host: str, port: int) -> tuple[Address, ...]:
    """The address policy of these tests: every name is this machine."""
    return (LOOPBACK,)


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Because", *headers, "", ""]).encode("latin-1") + body


def picture(body: bytes = b"pixels", *headers: str) -> bytes:
    return answer(200, f"Content-Length: {len(body)}", *headers, body=body)


def always(data: bytes) -> Script:
    return lambda connection, path: connection.sendall(data)


def by_path(**answers: bytes) -> Script:
    """Answers `/a` with the argument `a`."""
    return lambda connection, path: connection.sendall(answers[path.strip("/").partition("?")[0]])


def redirect(to: str, status: int = 302) -> bytes:
    return answer(status, f"Location: {to}", "Content-Length: 0")


def fetch(
    server: ScriptedServer,
    tls: ssl.SSLContext,
    path: str = "/a",
    settings: Settings = SETTINGS,
    resolve: Resolver = to_loopback,
) -> bytes:
    return download(server.url(path), settings, resolve=resolve, tls=tls)
