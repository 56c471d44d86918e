"""A store that heeds conditions on puts, as S3 does: the embedded server, which doesn't, behind a proxy."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from random import Random
from urllib.parse import unquote

from tests.e2e.faults.proxies import StoreProxy
from worker.storage import Storage


class ConditionalStore(StoreProxy):
    """In front of the server at `port`, whose objects `storage` sees. `puts` are the conditions of those that came.

    Those in `lacks` it refuses, as S3 did before it had them.
    """

    def __init__(self, port: int, storage: Storage) -> None:
        self.lacks: frozenset[str] = frozenset()
        self.puts: list[str] = []
        self._storage = storage
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._go_on = threading.Event()
        self._go_on.set()
        super().__init__(port, Random(0))

    @contextmanager
    def under_way(self) -> Iterator[threading.Event]:
        """Within, puts stay on their way. The event says that there is one."""
        self._arrived.clear()
        self._go_on.clear()
        try:
            yield self._arrived
        finally:
            self._go_on.set()

    def _answer(self, asked: BaseHTTPRequestHandler, body: bytes) -> None:
        if asked.command != "PUT":
            super()._answer(asked, body)
            return
        self._arrived.set()
        self._go_on.wait()
        with self._lock:
            condition = next((name for name in ("If-Match", "If-None-Match") if name in asked.headers), "")
            self.puts.append(condition)
            if condition in self.lacks:
                self._send(asked, 501, {}, b"<Error><Code>NotImplemented</Code></Error>")
            elif condition and not self._holds(asked):
                self._send(asked, 412, {}, b"<Error><Code>PreconditionFailed</Code></Error>")
            else:
                super()._answer(asked, body)

    def _holds(self, asked: BaseHTTPRequestHandler) -> bool:
        key = unquote(asked.path).lstrip("/").partition("/")[2]
        found = self._storage.head(key)
        if "If-Match" in asked.headers:
            return found is not None and asked.headers["If-Match"] == f'"{found.etag}"'
        return found is None
