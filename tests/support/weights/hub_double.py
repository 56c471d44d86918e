"""A real HTTP server that speaks the part of the Hugging Face hub's API which fetching weights needs."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

Files = dict[str, bytes]


@dataclass
class Repository:
    """Commits by their hash; the last one is the newest. Weights are in LFS, all else in git."""

    commits: dict[str, Files]
    gated: bool = False
    sent: Files = field(default_factory=dict)
    """What is sent in place of what is listed, from a hub or a proxy that lies."""
    held: set[str] = field(default_factory=set)
    """Files of which only the first half is sent, until `release`."""
    ignores_ranges: bool = False


class HubDouble:
    """`endpoint` is for HF_ENDPOINT. Counts downloads and keeps the ranges asked for, by path."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.downloads: Counter[str] = Counter()
        self.ranges: dict[str, list[str]] = {}
        self.tokens: set[str | None] = set()
        self.release = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator["HubDouble"]:
        thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def _listed(path: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    entry = {"type": "file", "path": path, "size": len(data), "oid": blob}
    if path.endswith((".safetensors", ".bin")):
        digest = hashlib.sha256(data).hexdigest()
        entry |= {"oid": "0" * 40, "lfs": {"oid": digest, "size": len(data), "pointerSize": 130}}
    return entry


def _handler(hub: HubDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with suppress(OSError):  # a client that is killed
                self._answer()

        do_HEAD = do_GET

        def log_message(self, *args: Any) -> None:
            pass

        def _answer(self) -> None:
            hub.tokens.add(self.headers["Authorization"])
            path = unquote(urlsplit(self.path).path).strip("/")
            is_api = path.startswith("api/models/")
            owner, name, action, revision, *rest = [*path.removeprefix("api/models/").split("/"), "", "", ""]
            repository = hub.repositories.get(f"{owner}/{name}")
            if repository is None:
                return self._refuse(404, "RepoNotFound")
            if repository.gated and self.headers["Authorization"] != "Bearer hf_good":
                return self._refuse(401, "GatedRepo")
            commit = list(repository.commits)[-1] if revision == "main" else revision
            files = repository.commits.get(commit)
            if files is None:
                return self._refuse(404, "RevisionNotFound")
            if is_api and action == "revision":
                return self._send_json({"id": f"{owner}/{name}", "sha": commit})
            if is_api and action == "tree":
                return self._send_json([_listed(path, data) for path, data in files.items()])
            return self._send_file(repository, commit, "/".join(rest).strip("/"), files)

        def _send_file(self, repository: Repository, commit: str, path: str, files: Files) -> None:
            data = repository.sent.get(path, files[path])
            entry = _listed(path, files[path])
            wanted = self.headers["Range"]
            if wanted and not repository.ignores_ranges:
                begin = int(wanted.removeprefix("bytes=").partition("-")[0])
                hub.ranges.setdefault(path, []).append(wanted)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
                data = data[begin:]
            else:
                self.send_response(200)
            self.send_header("X-Repo-Commit", commit)
            self.send_header("ETag", f'"{entry.get("lfs", entry)["oid"]}"')
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "HEAD":
                return
            hub.downloads[path] += 1
            if path in repository.held:
                self.wfile.write(data[: len(data) // 2])
                self.wfile.flush()
                hub.release.wait(60)
                self.close_connection = True
                return
            self.wfile.write(data)

        def _send_json(self, document: Any) -> None:
            data = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler
