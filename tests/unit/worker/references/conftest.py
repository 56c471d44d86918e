"""A scripted TLS server on loopback, and the certificate authority that vouches for it."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, Thread

import pytest
import trustme

HOST = "images.test"

Script = Callable[[socket.socket, str], None]


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
        self._listener.settimeout(0.05)
        self.port: int = self._listener.getsockname()[1]
        if tls is not None:
            tls.sni_callback = self._note_name
        self._start(self._accept)

    def url(self, path: str = "/a.png", host: str = HOST) -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def stop(self) -> None:
        self.stopping.set()
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
        while not self.stopping.is_set():
            with suppress(TimeoutError):
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


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """The client's trust store: the test's authority and no other."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def serve(authority: trustme.CA) -> Iterator[Serve]:
    """Start a server: `serve(script)`, with a certificate for HOST; `secure=False` for plain http."""
    running: list[ScriptedServer] = []

    def start(script: Script, *, secure: bool = True) -> ScriptedServer:
        context = None
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(HOST).configure_cert(context)
        server = ScriptedServer(script, context)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()
