"""`likeness api` as a process."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2

from tests.support.workers import environment_of
from worker.base.settings import Settings


class ApiProcess:
    """One process with its log. `landing_interval`: it looks for jobs to land at its start, and then so often."""

    def __init__(self, settings: Settings, database_url: str, landing_interval: float, log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        own = {
            "LIKENESS_DATABASE_URL": database_url,
            "LIKENESS_API_PORT": str(port),
            "LIKENESS_API_RATE": "1000",
            "LIKENESS_LANDING_INTERVAL": str(landing_interval),
            "LIKENESS_LOG_FORMAT": "json",
        }
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker", "api"],
                env=os.environ | environment_of(settings) | own,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 240
        while True:
            try:
                self.client.get("/none")
            except httpx2.TransportError:
                assert self.process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.05)
            else:
                return

    def logged(self, event: str) -> list[Any]:
        lines = [line for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [entry for entry in map(json.loads, lines) if entry.get("event") == event]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.client.close()
