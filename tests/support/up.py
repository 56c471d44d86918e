"""`likeness up` as a process: embedded services, the API and a worker."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

SAMPLE = "a[href='#/personas/inf_sample-maya']"
"""Where the page leads to the sample persona, as a CSS selector."""


@dataclass(frozen=True)
class Up:
    """What it printed, and where its files are."""

    secret: str
    curl: list[str]
    link: str
    data: Path
    process: "subprocess.Popen[str]"
    """What it says later, its standard output has."""

    @property
    def base(self) -> str:
        return self.curl[3].partition("/v1/")[0]

    def read(self, path: str) -> Any:
        key = {"authorization": f"Bearer {self.secret}"}
        return httpx2.get(self.base + path, headers=key, timeout=60).json()


@contextmanager
def running_up(data: Path, **environment: str) -> Iterator[Up]:
    """Runs it on a free port, and ends it as a user does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "worker", "up", "--data", str(data), "--port", "0"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        lines: list[str] = []
        while not lines or "/#/sign-in/" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], process.wait(10)
        (export,) = (line for line in lines if line.startswith("export "))
        (curl,) = (line for line in lines if line.startswith("curl "))
        secret, link = export.strip().partition("=")[2], lines[-1].removeprefix("# ").strip()
        yield Up(secret, shlex.split(curl), link, data, process)
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said.endswith("# Stopped.\n")
