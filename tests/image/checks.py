"""What a run says and asks: printed lines of what holds, HTTP on this machine, patience."""

import socket
import time
from collections.abc import Callable

import httpx2

PATIENCE = 600
"""Seconds that a thing may take on a busy machine."""


def holds(what: str, is_so: object, why: str = "") -> None:
    """Prints it, or ends the run."""
    if not is_so:
        raise SystemExit(f"not so: {what}\n{why}")
    print(f"  {what}")


def until(condition: Callable[[], object], why: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited for {PATIENCE} s in vain\n{why()}")
        time.sleep(0.2)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def answer(port: int, path: str, key: str | None = None) -> tuple[int, str]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        got = httpx2.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=5)
    except httpx2.TransportError as error:
        return 0, repr(error)
    return got.status_code, got.text
