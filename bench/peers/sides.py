"""What is measured: this worker and its peers, each with what starts it and how jobs get to it."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from bench.peers.pod_platform import PodPlatform
from bench.peers.used import cpu_of, free_port
from bench.sides import Side as OwnWorker
from worker.stack import EmbeddedStack

HANDLERS = Path(__file__).parent / "handlers"
_START = 90.0


@dataclass(frozen=True, slots=True)
class Around:
    """What all sides share: services, references, the peers' interpreter, and seconds for an image."""

    stack: EmbeddedStack
    s3_url: str
    keys: Sequence[str]
    python: Path
    peer_environment: Mapping[str, str]
    seconds: float
    logs: Path


class Side(ABC):
    """One side, running. `round` does jobs; both may be called only between `start` and `stop`."""

    process: "subprocess.Popen[bytes]"

    def __init__(self, around: Around, name: str, changes: Mapping[str, str]) -> None:
        self.around = around
        # It names queues and files, too.
        self.name = re.sub("[^a-z]+", "-", name.lower())
        self._changes = changes
        self._has_group = False

    @abstractmethod
    def start(self) -> None:
        """Starts it. It need not be ready yet."""

    @abstractmethod
    def round(self, count: int) -> float:
        """Seconds for so many jobs, from the first one's submission to the last one's end."""

    def cpu(self) -> float:
        """Seconds of CPU that its processes have used."""
        return cpu_of(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._has_group:
            # What it started and left behind would take the next side's CPU.
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def spawn(self, *command: str, **environment: str) -> None:
        """Starts a process in the peers' environment."""
        with (self.around.logs / f"{self.name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(self.around.python), *command],
                env={**self.around.peer_environment, **self._changes, **environment},
                stdout=log,
                stderr=log,
                cwd=HANDLERS,
                start_new_session=True,
            )
        self._has_group = True


class Ours(Side):
    """This worker, with settings."""

    arguments: tuple[str, ...] = ()

    def start(self) -> None:
        around = self.around
        self._worker = OwnWorker(
            around.stack,
            self.name,
            around.seconds,
            around.logs / f"{self.name}.log",
            {"LIKENESS_S3_ENDPOINT_URL": around.s3_url, **self._changes},
            arguments=self.arguments,
        )
        self.process = self._worker.process

    def round(self, count: int) -> float:
        return self._worker.round(count)


class OursWithThreeJobs(Ours):
    """It fetches for a third job while it stores the first one's images and renders the second one's."""

    arguments = ("--jobs", "3")


class Cog(Side):
    def start(self) -> None:
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        self.spawn(
            *("-m", "cog.server.http", "--host", "127.0.0.1"),
            PORT=str(port),
            COG_PREDICT_TYPE_STUB="predict.py:Predictor",
        )
        _wait(lambda: _call(f"{self._url}/health-check")["status"] == "READY")

    def round(self, count: int) -> float:
        began = time.monotonic()
        references = json.dumps(list(self.around.keys))
        for number in range(count):
            answer = self._predict({"input": {"job": f"{self.name}-{number}", "references": references}})
            if answer["status"] != "succeeded":
                raise SystemExit(f"cog: {answer}")
        return time.monotonic() - began

    def _predict(self, body: Any) -> Any:
        # One at a time: it answers 409 while it is busy, and for a moment afterwards.
        while True:
            try:
                return _call(f"{self._url}/predictions", body)
            except urllib.error.HTTPError as error:
                if error.code != 409:
                    raise
            time.sleep(0.005)


class LitServe(Side):
    def start(self) -> None:
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        self.spawn("-m", "bench.peers.handlers.lit", str(port))
        _wait(lambda: _status(f"{self._url}/health") == 200)

    def round(self, count: int) -> float:
        failed: list[Exception] = []

        def predict(number: int) -> None:
            try:
                body = {"job": f"{self.name}-{number}", "references": list(self.around.keys)}
                _call(f"{self._url}/predict", body)
            except Exception as error:  # noqa: BLE001 - raised below
                failed.append(error)

        began = time.monotonic()
        threads = [Thread(target=predict, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise SystemExit(f"LitServe: {failed[0]}")
        return time.monotonic() - began


class RunPod(Side):
    def start(self) -> None:
        self._platform = PodPlatform()
        self.spawn("-m", "bench.peers.handlers.pod", **self._platform.environment)

    def round(self, count: int) -> float:
        began = time.monotonic()
        for number in range(count):
            name = f"{self.name}-{number}"
            self._platform.submit(name, {"job": name, "references": list(self.around.keys)})
        for _ in range(count):
            if b"error" in (result := self._platform.result()):
                raise SystemExit(f"runpod: {result[:300]!r}")
        return time.monotonic() - began

    def stop(self) -> None:
        super().stop()
        self._platform.stop()


class PlainCelery(Side):
    def start(self) -> None:
        from celery import Celery

        url = self.around.stack.redis.url
        self._app = Celery("peers", broker=url, backend=url)
        self.spawn(
            *("-m", "celery", "-A", "bench.peers.handlers.tasks", "worker"),
            *("-c", "1", "-l", "WARNING", "-Q", self.name),
            BENCH_REDIS=url,
        )

    def round(self, count: int) -> float:
        began = time.monotonic()
        arguments = [(f"{self.name}-{number}", list(self.around.keys)) for number in range(count)]
        results = [self._app.send_task("render", each, queue=self.name) for each in arguments]
        for result in results:
            result.get(timeout=600)
        return time.monotonic() - began


_TUNED, _TEMPLATE = {"BENCH_MODE": "tuned"}, {"BENCH_MODE": "template"}
_PEERS: dict[str, type[Side]] = {"cog": Cog, "LitServe": LitServe, "Celery": PlainCelery, "runpod": RunPod}
SIDES: dict[str, tuple[type[Side], dict[str, str]]] = {
    "Likeness, gate on": (Ours, {"LIKENESS_GATE": "required"}),
    "Likeness, gate off": (Ours, {"LIKENESS_GATE": "off"}),
    "Likeness, gate off, unsigned": (Ours, {"LIKENESS_GATE": "off", "LIKENESS_SIGNING": "off"}),
    "Likeness, 3 jobs in hand, gate on": (OursWithThreeJobs, {"LIKENESS_GATE": "required"}),
    "Likeness, 3 jobs in hand, gate off": (OursWithThreeJobs, {"LIKENESS_GATE": "off"}),
    **{f"{name}, tuned": (kind, _TUNED) for name, kind in _PEERS.items()},
    **{f"{name}, template": (kind, _TEMPLATE) for name, kind in _PEERS.items()},
}
"""By the name in the table: its class, and its environment."""


def _wait(is_ready: Callable[[], bool]) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end:
        with suppress(OSError, ValueError, KeyError):
            if is_ready():
                return
        time.sleep(0.1)
    raise SystemExit(f"A side isn't ready after {_START:g} s; see its log.")


def _status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return int(answer.status)


def _call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)
