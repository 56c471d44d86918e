"""A webhook receiver: a real HTTP server that answers as a test says and keeps what it got."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    """What it is answered with."""

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str = SECRET) -> Any:
        """What it tells. Raises WebhookVerificationError unless the signature holds."""
        return Webhook(secret).verify(self.body, self.headers)


Reply = tuple[int, dict[str, str]]
OK: Reply = (200, {})


class Receiver:
    """Answers the first requests with `replies` and all others with `reply`. `on_request` runs before an answer."""

    def __init__(self, *replies: Reply, on_request: Callable[[Received], None] | None = None) -> None:
        self.received: list[Received] = []
        self.reply = OK
        self._replies = list(replies)
        self._changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                given = {k.lower(): v for k, v in self.headers.items()}
                with outer._changed:
                    status, headers = outer._replies.pop(0) if outer._replies else outer.reply
                    got = Received(self.path, given, body, status)
                    outer.received.append(got)
                    outer._changed.notify_all()
                if on_request:
                    on_request(got)
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self) -> None:
                raise AssertionError("a redirect was followed")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path: str = "/hook") -> str:
        return f"http://{self.address}{path}"

    def wait_for(self, number: int, timeout: float = 20) -> list[Received]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= number, timeout), self.received
            return list(self.received)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
