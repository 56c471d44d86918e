"""Fetches of weights that the hub doesn't have, from a real https server."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme

from pipelines.profile import Source
from pipelines.weights import WeightStore, verify
from tests.support.weights.fetches import PROGRAM

FILES = {"encoder.onnx": b"e" * 70_000, "decoder.onnx": b"d" * 5_000}


class Web:
    """An https server with these files, and fetches from it in a process of their own."""

    def __init__(self, folder: Path) -> None:
        self.files = dict(FILES)
        self.said: dict[str, int] = {}
        """Lengths that it says of files, where that isn't the true one."""
        self.moved: dict[str, str] = {}
        self.asked: list[str] = []
        self.store = WeightStore(folder / "weights")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "root.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self.server = ThreadingHTTPServer(("localhost", 0), _handler(self))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self._root = folder / "root.pem"
        self.source = Source(
            repository="tests/address",
            address=f"https://localhost:{self.server.server_address[1]}/models/",
            files=tuple(FILES),
            sha256={name: sha256(data).hexdigest() for name, data in FILES.items()},
            revision="c" * 40,
            suffix=".onnx",
            licence="MIT",
            licence_url="https://example.com/licence",
            download=75_000,
        )

    def fetch(self, **changes: Any) -> dict[str, Any]:
        """What the fetch printed: `lock`, or `error`."""
        arguments = json.dumps([str(self.store.root), asdict(self.source) | changes, False])
        answer = subprocess.run(
            [sys.executable, "-c", PROGRAM, arguments],
            env={**os.environ, "SSL_CERT_FILE": str(self._root)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert answer.stdout, answer.stderr
        said: dict[str, Any] = json.loads(answer.stdout)
        return said


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/models/")
            web.asked.append(f"{self.command} {name}")
            if name in web.moved:
                self.send_response(302)
                self.send_header("Location", web.moved[name])
                self.end_headers()
                return
            data = web.files.get(name)
            if data is None:
                self.send_error(404)
                return
            self.send_response(200)
            length = web.said.get(name, len(data))
            self.send_header("Content-Length", str(length if self.command == "HEAD" else len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        do_HEAD = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path)
    thread = Thread(target=web.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield web
    web.server.shutdown()
    thread.join()
    web.server.server_close()


def test_files_are_fetched_locked_and_fetched_once(web: Web) -> None:
    lock = web.fetch()["lock"]
    assert {name: file["sha256"] for name, file in lock["files"].items()} == web.source.sha256
    folder = verify(web.store, web.source).path
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    asked = len(web.asked)
    assert web.fetch()["lock"] == lock
    assert len(web.asked) == asked, "what is there and right needs no network"


def test_other_bytes_are_refused_and_nothing_of_them_is_kept(web: Web) -> None:
    web.files["decoder.onnx"] = b"x" * 5_000
    answer = web.fetch()
    assert answer["error"] == "WeightsRefused"
    assert "decoder.onnx" in answer["message"]
    assert not web.store.lock_path(web.source).exists()
    assert not list(web.store.root.rglob("decoder.onnx"))
    web.files["decoder.onnx"] = FILES["decoder.onnx"]
    assert web.fetch()["lock"]["files"].keys() == FILES.keys()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("missing", "HTTP status 404"),
        ("moved", "HTTP status 302"),
        ("too long", "has 500,000 bytes"),
        ("longer than said", "sends more than 4,000"),
        ("plain http", "isn't https"),
        ("unknown authority", "ConnectError"),
    ],
)
def test_what_can_not_be_fetched_is_explained(web: Web, fault: str, reason: str) -> None:
    changes: dict[str, Any] = {}
    match fault:
        case "missing":
            del web.files["decoder.onnx"]
        case "moved":
            web.moved["decoder.onnx"] = "https://127.0.0.1:1/decoder.onnx"
        case "too long":
            web.said["decoder.onnx"] = 500_000
        case "longer than said":
            web.said["decoder.onnx"] = 4_000
        case "plain http":
            changes["address"] = web.source.address.replace("https", "http")
        case _:
            web._root.write_bytes(trustme.CA().cert_pem.bytes())
    answer = web.fetch(**changes)
    assert answer["error"] == "WeightsFetchFailed"
    assert reason in answer["message"]
    assert not web.store.lock_path(web.source).exists()
