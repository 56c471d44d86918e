"""The HTTP endpoint for probes and scrapers: `/live`, `/ready` and `/metrics`."""

import json
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

import structlog

from models.errors import InvalidSettings

log = structlog.get_logger()

Reasons = Callable[[], Sequence[str]]
"""Returns the reasons why not; empty if all is well. Never blocks: a busy process answers, too."""
Exposition = Callable[[str], tuple[bytes, str]]
"""Returns the metrics and their content type, by the request's Accept header."""


class Endpoint:
    """An HTTP server on its own threads. It answers until `stop`, or until the process ends."""

    def __init__(self, host: str, port: int, *, live: Reasons, ready: Reasons, metrics: Exposition) -> None:
        """Raises InvalidSettings if nothing can listen there."""

        class Handler(_Handler):
            probes = {"/live": live, "/ready": ready}  # noqa: RUF012 - made for this endpoint alone
            exposition = staticmethod(metrics)

        try:
            self._server = _Server((host, port), Handler)
        except OSError as error:
            raise InvalidSettings(
                f"LIKENESS_HTTP_HOST, LIKENESS_HTTP_PORT: {host}:{port} can't be listened at "
                f"({error.strerror or error}). Each process needs a port of its own."
            ) from error
        self.port: int = self._server.server_address[1]
        """The port in use, also if any free one was requested."""

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="endpoint", daemon=True).start()
        log.info("endpoint.ready", port=self.port)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], handler: type["_Handler"]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # HTTPServer's own method asks the name service for this host's name, which may take long.
        TCPServer.server_bind(self)

    def handle_error(self, *_: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # A client that went away.
            log.exception("endpoint.failed")


class _Handler(BaseHTTPRequestHandler):
    probes: dict[str, Reasons]
    exposition: Exposition
    # Seconds of silence before a client is disconnected.
    timeout = 5

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            body, content_type = self.exposition(self.headers.get("Accept", ""))
            self._answer(200, content_type, body)
        elif probe := self.probes.get(path):
            reasons = list(probe())
            document = {"ok": not reasons, "reasons": reasons}
            self._answer(503 if reasons else 200, "application/json", json.dumps(document).encode())
        else:
            self._answer(404, "text/plain", b"/live, /ready, /metrics\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "likeness"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Logs nothing: probes come every few seconds."""
