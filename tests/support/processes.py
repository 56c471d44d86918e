"""Processes that outlive their parent, or don't."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Starts the stack from a thread that ends, as a supervisor may, and waits to be killed.
PARENT = """
import sys, threading, time
from pathlib import Path
import redis
from worker.stack import EmbeddedStack

stack = EmbeddedStack(Path(sys.argv[1]))
starter = threading.Thread(target=stack.start)
starter.start()
starter.join()
with redis.Redis.from_url(stack.redis.url) as client:
    pid = client.info("server")["process_id"]
sys.stdout.write(f"{stack.redis.port} {stack.s3.port} {pid}\\n")
sys.stdout.flush()
time.sleep(300)
"""


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children(pid: int) -> list[int]:
    """The ids of a process's children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        # Threads come and go meanwhile; one that is gone has left its children to another.
        with suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, (task / "children").read_text().split())
    return found


def command_of(pid: int) -> str:
    """A process's arguments, each with a NUL after it."""
    return Path(f"/proc/{pid}/cmdline").read_text()
