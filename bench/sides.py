"""Two workers with different settings do the same jobs in turns, on a device that is the bottleneck.

They share one Redis and one S3 server. Their device is a double that takes so many seconds for an image and no CPU.
A round is the time from the jobs' submission to the last one's end. The ratio is of times that were taken right
after one another, so a busy machine changes both.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.slow_worker import REFERENCES, SHOTS
from models.job import CloneJob, CloneRequest, ReferenceSource
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.stack import EmbeddedStack
from worker.stack.samples import load_sample
from worker.storage import Storage


class Side:
    """A worker with its own settings (`changes`, as environment variables), and a client for its queue."""

    def __init__(  # noqa: PLR0917 - all of them are needed, and each has a type of its own
        self,
        stack: EmbeddedStack,
        name: str,
        seconds: float,
        log: Path,
        changes: Mapping[str, str],
        module: str = "bench.slow_worker",
        arguments: Sequence[str] = (),
    ) -> None:
        self.settings = stack.settings(queue=name, redis_prefix=name)
        self.client = JobClient(self.settings)
        environment = {"LIKENESS_QUEUE": name, "LIKENESS_REDIS_PREFIX": name, "BENCH_SECONDS": str(seconds)}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, "worker", *arguments],
                env={**os.environ, **stack.environment, **environment, **changes},
                stdout=output,
                stderr=output,
            )

    def round(self, count: int) -> float:
        """Seconds for so many jobs."""
        jobs = [_job(self.settings) for _ in range(count)]
        began = time.monotonic()
        for job in jobs:
            self.client.submit(job)
        for job in jobs:
            *_, last = self.client.watch(job.job_id)
            if last.type != "job.completed":
                raise SystemExit(f"{job.job_id} ended as {last.type}: {last.error}")
        return time.monotonic() - began


def compare(
    prog: str,
    first: str,
    second: str,
    sides: Mapping[str, Mapping[str, str]],
    arguments: Sequence[str] | None,
) -> None:
    """Prints the ratio of the side `first` to `second`. `sides` has the environment of each."""
    parser = argparse.ArgumentParser(prog=prog)
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=1.0, help="For one image on the device.")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="likeness-bench-") as data, EmbeddedStack(Path(data)) as stack:
        running = {
            name: Side(stack, name, chosen.seconds, Path(data) / f"{name}.log", changes)
            for name, changes in sides.items()
        }
        try:
            for side in running.values():
                side.round(1)
            ratios = []
            for number in range(chosen.rounds):
                # Whoever goes first meets another machine than whoever goes second.
                names = sorted(running, reverse=bool(number % 2))
                took = {name: running[name].round(chosen.jobs) for name in names}
                ratios.append(took[first] / took[second])
                times = ", ".join(f"{name} {took[name]:.2f} s" for name in (first, second))
                print(f"{times}: {ratios[-1]:.3f}", flush=True)
        finally:
            for side in running.values():
                side.process.terminate()
                side.process.wait()
    print(
        f"{chosen.jobs * len(SHOTS)} images in {chosen.jobs} jobs, {chosen.seconds:g} s each on the device: "
        f"{first} / {second} = {median(ratios):.3f} (median of {chosen.rounds})"
    )


def _job(settings: Settings) -> CloneJob:
    source, files = load_sample("jonas")
    references = []
    with Storage(settings) as storage:
        for number, data in enumerate(files[:REFERENCES]):
            key = storage.keys.media_key(source.project_id, f"med_{number}")
            storage.put_image(key, data, "image/webp")
            references.append(ReferenceSource(asset_id=f"med_{number}"))
    return plan_clone(source, CloneRequest(name="Jonas B"), references, SHOTS)
