"""Whether a worker's memory and descriptors stay flat over many jobs, with all that can end them.

python -m bench.soak --minutes 30

A worker with the profile `embedded` and the gate, on the embedded stack, gets one job after another: every fifth
has a reference that is missing, every seventh is canceled while it renders, and with the gate at `required` some
miss the likeness. With `--kill-every N` one of the worker's children, by turns, is killed while it renders every
Nth job. Meanwhile the worker's three processes are looked at in /proc, and its probe and its metrics are asked for.
The slopes are least squares over all samples after the warm-up.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import linear_regression, median
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from models.influencer import Influencer
from models.job import CloneJob, CloneRequest, ReferenceSource
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.stack import EmbeddedStack
from worker.stack.samples import SAMPLES, load_sample
from worker.storage import Storage

SHOTS = ("front", "smile", "outdoor")
_MISSING = ReferenceSource(asset_id="med_missing")


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one moment. Memory is in MB, `at` in hours.

    `anonymous` is what the process itself has allocated. `pss` and `uss` also change with who else has mapped the
    same libraries.
    """

    at: float
    pid: int
    rss: float
    anonymous: float
    pss: float
    uss: float
    descriptors: float
    threads: float


FIGURES = ("rss", "anonymous", "pss", "uss", "descriptors", "threads")


# By the children's names in the kernel, which keeps 15 characters.
_KINDS = {
    "likeness-render": "render child",
    "likeness-verify": "verify child",
    "likeness-waterm": "watermark child",
}


class Watch(threading.Thread):
    """Samples a worker and its children, by what they are, every few seconds until `stop`."""

    def __init__(self, worker: int, port: int, every: float) -> None:
        super().__init__(daemon=True)
        self.samples: dict[str, list[Sample]] = {kind: [] for kind in ("parent", *_KINDS.values())}
        self._worker = worker
        self._port = port
        self._every = every
        self._stopped = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        while not self._stopped.wait(self._every):
            for path in ("live", "metrics"):
                with urlopen(f"http://127.0.0.1:{self._port}/{path}") as answer:
                    answer.read()
            at = (time.monotonic() - began) / 3600
            # Threads and children may end while they are looked at.
            with suppress(FileNotFoundError, ProcessLookupError):
                for kind, pid in _processes(self._worker).items():
                    self.samples[kind].append(_sample(pid, at))

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def _processes(worker: int) -> dict[str, int]:
    found = {"parent": worker}
    # One that replaces another is the child of a thread.
    tasks = Path(f"/proc/{worker}/task").glob("*/children")
    for child in (child for task in tasks for child in task.read_text().split()):
        name = Path(f"/proc/{child}/comm").read_text().strip()
        if kind := _KINDS.get(name):
            found[kind] = int(child)
    return found


def _sample(pid: int, at: float) -> Sample:
    proc = Path(f"/proc/{pid}")
    memory: Counter[str] = Counter()
    for line in (proc / "smaps_rollup").read_text().splitlines()[1:]:
        name, value, _ = line.split()
        memory[name.partition(":")[0]] = int(value)
    return Sample(
        at=at,
        pid=pid,
        rss=memory["Rss"] / 1024,
        anonymous=memory["Anonymous"] / 1024,
        pss=memory["Pss"] / 1024,
        uss=(memory["Private_Clean"] + memory["Private_Dirty"]) / 1024,
        descriptors=len(list((proc / "fd").iterdir())),
        threads=len(list((proc / "task").iterdir())),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.soak")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument(
        "--warm-up", type=float, default=0.2, help="The share of the time that isn't counted."
    )
    parser.add_argument("--every", type=float, default=5, help="Seconds between two looks.")
    parser.add_argument(
        "--kill-every", type=int, help="Jobs from one kill of a child to the next; none without it."
    )
    parser.add_argument("--samples", type=Path, help="Where to write what was seen, as JSON.")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="likeness-soak-") as data, EmbeddedStack(Path(data)) as stack:
        settings = stack.settings(gate="required")
        log = Path(data) / "worker.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "worker", "worker"],
                env=os.environ | stack.environment | {"LIKENESS_GATE": "required", "LIKENESS_HTTP_PORT": "0"},
                stdout=output,
                stderr=output,
            )
        try:
            watch = Watch(worker.pid, _port(worker, log), chosen.every)
            watch.start()
            ends = _work(settings, chosen.minutes * 60, worker, chosen.kill_every)
            watch.stop()
        finally:
            worker.terminate()
            worker.wait()
    _print(watch.samples, chosen.warm_up, ends)
    if chosen.samples:
        rows = {kind: [_row(sample) for sample in samples] for kind, samples in watch.samples.items()}
        chosen.samples.write_text(json.dumps(rows))


def _port(worker: "subprocess.Popen[bytes]", log: Path) -> int:
    """Once the worker is ready."""
    port: int = 0
    while True:
        for line in log.read_text().splitlines():
            said = json.loads(line) if line.startswith("{") else {}
            port = int(said.get("port", port))
            if said.get("event") == "node.ready":
                return port
        if worker.poll() is not None:
            raise SystemExit(log.read_text())
        time.sleep(0.2)


def _work(
    settings: Settings, seconds: float, worker: "subprocess.Popen[bytes]", kill_every: int | None
) -> Counter[str]:
    """Jobs for so long. How many came to which end."""
    client, ends = JobClient(settings), Counter[str]()
    plans = [_planner(settings, name) for name in SAMPLES]
    deadline = time.monotonic() + seconds
    number = 0
    while time.monotonic() < deadline:
        number += 1
        source, references = plans[number % len(plans)]
        if number % 5 == 0:
            references = [_MISSING]
        job = plan_clone(source, CloneRequest(name="Soak"), references, SHOTS)
        client.submit(job)
        fault: Callable[[], object] | None = None
        if number % 7 == 0:
            fault = partial(client.cancel, job.job_id)
        elif kill_every and number % kill_every == 0:
            fault = partial(_kill_child, worker.pid, number // kill_every)
        ends[_follow(client, job, fault)] += 1
        if worker.poll() is not None:
            raise SystemExit(f"The worker ended with {worker.returncode}.")
    return ends


def _kill_child(worker: int, number: int) -> None:
    child = ("render child", "verify child")[number % 2]
    if pid := _processes(worker).get(child):
        os.kill(pid, signal.SIGKILL)


def _follow(client: JobClient, job: CloneJob, fault: Callable[[], object] | None) -> str:
    """Until the job's end, with the fault once its device is at work."""
    for event in client.watch(job.job_id, timeout=300):
        if fault and event.type == "job.progress":
            fault()
            fault = None
    record = client.get(job.job_id)
    return record.error.code if record.error else record.status


def _planner(settings: Settings, name: str) -> tuple[Influencer, list[ReferenceSource]]:
    source, files = load_sample(name)
    references = []
    with Storage(settings) as storage:
        for number, data in enumerate(files[:4]):
            asset_id = f"med_{name}-{number}"
            storage.put_image(storage.keys.media_key(source.project_id, asset_id), data, "image/webp")
            references.append(ReferenceSource(asset_id=asset_id))
    return source, references


def _row(sample: Sample) -> dict[str, float]:
    return {name: getattr(sample, name) for name in ("at", "pid", *FIGURES)}


def _print(samples: dict[str, list[Sample]], warm_up: float, ends: Counter[str]) -> None:
    print(", ".join(f"{count} {end}" for end, count in ends.most_common()))
    print("| process | figure | at first | at last | slope per hour |")
    print("|---|---|---|---|---|")
    for kind, every in samples.items():
        counted = [sample for sample in every if sample.at >= warm_up * every[-1].at]
        if replaced := len({sample.pid for sample in every}) - 1:
            print(f"| {kind} | was replaced {replaced} times | | | |")
        edge = max(1, len(counted) // 10)
        for name in FIGURES:
            values = [getattr(sample, name) for sample in counted]
            slope = linear_regression([sample.at for sample in counted], values).slope
            first, last = median(values[:edge]), median(values[-edge:])
            print(f"| {kind} | {name} | {first:.1f} | {last:.1f} | {slope:+.2f} |")


if __name__ == "__main__":
    main()
