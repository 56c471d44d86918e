"""Workers that are replaced as soon as they end, as an orchestrator would, and what they noted."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from tests.support.workers import WorkerProcess
from worker.queue.fleet.presence import here

MODULE = "tests.e2e.faults.quick_worker"

Child = Literal["render", "verify"]


class Fleet:
    """`size` workers with an environment. One that ends unasked, or not with 0 after SIGTERM, is noted in
    `complaints`."""

    def __init__(self, size: int, environment: dict[str, str], folder: Path, seconds: float) -> None:
        self.complaints: list[str] = []
        self.started = 0
        self._killed: set[str] = set()
        self._environment = environment | {
            "FAULTS_NOTES": str(folder / "notes.jsonl"),
            "FAULTS_SECONDS": str(seconds),
        }
        self._folder = folder
        self._lock = threading.Lock()
        self._workers: list[WorkerProcess] = []
        self._all: list[WorkerProcess] = []
        self._stopping = False
        for _ in range(size):
            self._start()
        self._monitor = threading.Thread(target=self._watch, daemon=True)
        self._monitor.start()

    @property
    def workers(self) -> list[WorkerProcess]:
        with self._lock:
            return list(self._workers)

    def wait_ready(self) -> None:
        for worker in self.workers:
            worker.wait_ready()

    def ready(self) -> list[WorkerProcess]:
        """Those that ask for messages. Before that, Celery doesn't listen to SIGTERM, and Python dies of it."""
        return [w for w in self.workers if w.process.poll() is None and b' ready."' in w.log.read_bytes()]

    def child(self, worker: WorkerProcess, which: Child) -> int | None:
        """The worker's latest render or verify process."""
        pids = [
            int(note["pid"])
            for note in self.notes()
            if note["what"] == f"{which} loads" and note["parent"] == worker.process.pid
        ]
        return pids[-1] if pids else None

    def kill(self, worker: WorkerProcess, *, with_children: bool = False) -> None:
        self._killed.add(node_of(worker))
        children = [self.child(worker, which) for which in ("render", "verify")] if with_children else []
        worker.process.kill()
        for pid in children:
            if pid is not None:
                signal_to(pid, signal.SIGKILL)

    def notes(self) -> Iterator[dict[str, Any]]:
        """What all render and verify processes wrote, in order."""
        path = self._folder / "notes.jsonl"
        if not path.exists():
            return
        for line in path.read_text().splitlines():
            yield json.loads(line)

    def logs(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every line that any worker logged, with the worker's name as a holder."""
        for worker in self._all:
            for line in worker.log.read_text().splitlines():
                # A killed one may have died in the middle of a line.
                with suppress(ValueError):
                    said = json.loads(line)
                    if isinstance(said, dict):
                        yield node_of(worker), said

    def stop_watching(self) -> None:
        """Workers that end from now on aren't replaced."""
        self._stopping = True
        self._monitor.join()

    def stop(self) -> None:
        """Drain all; one that doesn't end is a complaint. One that still starts would die of SIGTERM."""
        deadline = time.monotonic() + 90
        while len(self.ready()) < len(self.workers) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.stop_watching()
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.terminate()
        for worker in self.workers:
            try:
                if status := worker.process.wait(30):
                    self.complaints.append(f"{worker.log.name} ended with {status} when it was drained")
            except subprocess.TimeoutExpired:
                self.complaints.append(f"{worker.log.name} didn't end when it was drained")

    def abandon(self) -> None:
        """End whatever still runs. A child that is stopped doesn't notice that its worker is gone."""
        self._stopping = True
        for worker in self._all:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()
        for pid in {int(note["pid"]) for note in self.notes()}:
            with suppress(FileNotFoundError, ProcessLookupError):
                # Pids are used again.
                if self._environment["FAULTS_NOTES"].encode() in Path(f"/proc/{pid}/environ").read_bytes():
                    signal_to(pid, signal.SIGKILL)

    def _start(self) -> None:
        worker = WorkerProcess(self._environment, self._folder / f"worker-{self.started}.log", MODULE)
        with self._lock:
            self.started += 1
            self._workers.append(worker)
            self._all.append(worker)

    def _watch(self) -> None:
        while not self._stopping:
            for worker in self.workers:
                status = worker.process.poll()
                if status is None:
                    continue
                if status != 0 and node_of(worker) not in self._killed:
                    self.complaints.append(f"{worker.log.name} ended by itself, with {status}")
                with self._lock:
                    self._workers.remove(worker)
                self._start()
            time.sleep(0.1)


def node_of(worker: WorkerProcess) -> str:
    """As the job store calls it."""
    return f"{here()}:{worker.process.pid}"


def signal_to(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
