"""Serves the page's files, with a policy that lets a browser run and load nothing else."""

import base64
import re
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Receive, Scope, Send

FILES = Path(__file__).parent / "static"
_INDEX = FILES / "index.html"
_IMPORT_MAP = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)


def add_page(app: FastAPI, origins: Callable[[], Iterable[str]]) -> None:
    """Adds the page at `/` and its files under `/page`. `origins` are those of the object store: the page shows its
    pictures, and uploads to it."""

    @app.get("/", include_in_schema=False)
    async def page(_: Request) -> Response:
        policy = _policy(await run_in_threadpool(origins))
        return FileResponse(_INDEX, headers={"Cache-Control": "no-cache", "Content-Security-Policy": policy})

    app.mount("/page", _Files(directory=FILES))


class _Files(StaticFiles):
    """Files that a browser checks each time it loads them, so that a new release is seen at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def revalidated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"cache-control", b"no-cache")]
            await send(message)

        await super().__call__(scope, receive, revalidated)


@cache
def _import_map_digest() -> str:
    (import_map,) = _IMPORT_MAP.findall(_INDEX.read_bytes())
    return base64.b64encode(sha256(import_map).digest()).decode()


def _policy(origins: Iterable[str]) -> str:
    """The Content-Security-Policy. The import map is inline, and so allowed by its hash."""
    store = "".join(f" {origin}" for origin in sorted(set(origins)))
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'sha256-{_import_map_digest()}'",
            "style-src 'self'",
            f"img-src 'self' blob:{store}",
            f"connect-src 'self'{store}",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
