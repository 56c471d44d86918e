"""Proxies that do to connections what networks do: cut them, slow them down, swallow what they carry.

`TcpProxy` knows bytes; `StoreProxy` knows HTTP, so that it can answer in the store's place and tell which object
was there when. Each fault is a context: it lasts as long as the `with` block.
"""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Literal
from urllib.parse import unquote

HOST = "127.0.0.1"
_CHUNK = 65536
# With this, closing a socket resets the connection.
_RESET = struct.pack("ii", 1, 0)


class TcpProxy:
    """Listens on `address` and forwards to a local port."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._dropped: set[socket.socket] = set()
        self._passes = threading.Event()
        self._passes.set()
        self._delay = 0.0
        self._refuses = False
        self._loses = False
        self._listener = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def blackhole(self) -> Iterator[None]:
        """Connections stay, and nothing comes through. What was sent arrives afterwards."""
        self._passes.clear()
        try:
            yield
        finally:
            self._passes.set()

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Everything takes so much longer, one way."""
        self._delay = seconds
        try:
            yield
        finally:
            self._delay = 0

    @contextmanager
    def down(self) -> Iterator[None]:
        """All connections are reset, and so are new ones."""
        self._refuses = True
        self.cut()
        try:
            yield
        finally:
            self._refuses = False

    def lose_next_answer(self) -> None:
        """What comes back next is lost with its connection, after the server did what it was asked to."""
        self._loses = True

    def cut(self) -> None:
        """Reset all connections."""
        with self._lock:
            connections = tuple(self._open)
        for connection in connections:
            _reset(connection)

    def drop(self) -> None:
        """The connections of now stay, and nothing comes through them ever again; new ones work. So it is when a
        firewall or a NAT forgot them."""
        with self._lock:
            self._dropped |= self._open

    def stop(self) -> None:
        self._refuses = True
        self._listener.close()
        self._passes.set()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._refuses:
                _reset(near)
                continue
            try:
                far = socket.create_connection((HOST, self._upstream), timeout=5)
            except OSError:
                _reset(near)
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                is_answer = source is far
                threading.Thread(target=self._pump, args=(source, sink, is_answer), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                if self._delay:
                    time.sleep(self._delay)
                self._passes.wait()
                if source in self._dropped:
                    continue
                if is_answer and self._loses:
                    self._loses = False
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._open -= {source, sink}
            self._dropped -= {source, sink}


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


StoreFault = Literal["errors", "cuts", "slow", "blackhole"]


class StoreProxy:
    """An S3 server in front of another one. `stored` tells when each object was first there.

    errors: most requests are answered with 500 or 503. cuts: some connections end before the request went on, some
    after it did. slow: a second for each request. blackhole: requests wait, and go on afterwards.
    """

    def __init__(self, port: int, random: Random) -> None:
        self.stored: dict[str, float] = {}
        self._upstream = port
        self._random = random
        self._fault: StoreFault | None = None
        self._passes = threading.Event()
        self._passes.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with suppress(OSError, HTTPException):
                    outer._answer(self, body)
                    return
                self.close_connection = True

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do

            def handle(self) -> None:
                # Clients are killed in the middle of requests.
                with suppress(ConnectionError):
                    super().handle()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.address = f"{HOST}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @contextmanager
    def fault(self, kind: StoreFault) -> Iterator[None]:
        self._fault = kind
        if kind == "blackhole":
            self._passes.clear()
        try:
            yield
        finally:
            self._fault = None
            self._passes.set()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, asked: BaseHTTPRequestHandler, body: bytes) -> None:
        drawn = self._random.random()
        match self._fault:
            case "errors" if drawn < 0.7:
                self._send(asked, 500 if drawn < 0.35 else 503, {}, b"")
                return
            case "cuts" if drawn < 0.3:
                raise ConnectionAbortedError
            case "slow":
                time.sleep(1)
            case "blackhole":
                self._passes.wait()
        status, headers, answer = self._forward(asked, body)
        if self._fault == "cuts" and drawn < 0.6:
            raise ConnectionAbortedError
        self._send(asked, status, headers, answer)

    def _forward(self, asked: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = HTTPConnection(HOST, self._upstream, timeout=30)
        try:
            upstream.putrequest(asked.command, asked.path, skip_host=True, skip_accept_encoding=True)
            for name, value in asked.headers.items():
                if name.lower() not in ("connection", "expect"):
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            data = answer.read()
        finally:
            upstream.close()
        if asked.command == "PUT" and answer.status == 200:
            # The path begins with the bucket.
            key = unquote(asked.path.partition("?")[0]).lstrip("/").partition("/")[2]
            self.stored.setdefault(key, time.time())
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, data

    def _send(self, asked: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        # An answer to HEAD tells the length of what it doesn't bring.
        length = headers.get("content-length", "0") if asked.command == "HEAD" else str(len(body))
        asked.send_response_only(status)
        for name, value in headers.items():
            if name not in ("connection", "content-length", "transfer-encoding"):
                asked.send_header(name, value)
        asked.send_header("content-length", length)
        asked.end_headers()
        asked.wfile.write(body)
