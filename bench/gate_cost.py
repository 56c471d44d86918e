"""What the likeness gate costs where the device is the bottleneck: the same jobs with it and without, in turns.

python -m bench.gate_cost --jobs 16 --seconds 1 --rounds 3

Two workers share one Redis and one S3 server, one with `LIKENESS_GATE=required`, one with `off`. Their device is a
double that takes so many seconds for an image and no CPU. A round is the time from the jobs' submission to the
last one's end. The ratio is of times that were taken right after one another, so a busy machine changes both. One
that is too busy to judge as fast as the device renders gives a ratio that is no property of the gate.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.slow_worker import SHOTS
from models.job import CloneJob, CloneRequest, ReferenceSource
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.stack import EmbeddedStack
from worker.stack.samples import load_sample
from worker.storage import Storage

REFERENCES = 3


class Side:
    """A worker of one kind, and a client for its queue."""

    def __init__(self, stack: EmbeddedStack, gate: str, seconds: float, log: Path) -> None:
        self.settings = stack.settings(queue=gate, redis_prefix=gate, gate=gate)
        self.client = JobClient(self.settings)
        environment = {"LIKENESS_QUEUE": gate, "LIKENESS_REDIS_PREFIX": gate, "LIKENESS_GATE": gate}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bench.slow_worker", "worker"],
                env=os.environ | stack.environment | environment | {"BENCH_SECONDS": str(seconds)},
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.gate_cost")
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=1.0, help="For one image on the device.")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="likeness-bench-") as data, EmbeddedStack(Path(data)) as stack:
        sides = {
            gate: Side(stack, gate, chosen.seconds, Path(data) / f"{gate}.log")
            for gate in ("required", "off")
        }
        try:
            for side in sides.values():
                side.round(1)
            ratios = [_compare(sides, chosen.jobs, number) for number in range(chosen.rounds)]
        finally:
            for side in sides.values():
                side.process.terminate()
                side.process.wait()
    images = chosen.jobs * len(SHOTS)
    print(
        f"{images} images in {chosen.jobs} jobs, {chosen.seconds:g} s each on the device: "
        f"with the gate / without it = {median(ratios):.3f} (median of {chosen.rounds})"
    )


def _compare(sides: dict[str, Side], jobs: int, number: int) -> float:
    # Whoever goes first meets another machine than whoever goes second.
    names = sorted(sides, reverse=bool(number % 2))
    took = {name: sides[name].round(jobs) for name in names}
    ratio = took["required"] / took["off"]
    print(f"required {took['required']:.2f} s, off {took['off']:.2f} s: {ratio:.3f}", flush=True)
    return ratio


def _job(settings: Settings) -> CloneJob:
    source, files = load_sample("jonas")
    references = []
    with Storage(settings) as storage:
        for number, data in enumerate(files[:REFERENCES]):
            key = storage.keys.media_key(source.project_id, f"med_{number}")
            storage.put_image(key, data, "image/webp")
            references.append(ReferenceSource(asset_id=f"med_{number}"))
    return plan_clone(source, CloneRequest(name="Jonas B"), references, SHOTS)


if __name__ == "__main__":
    main()
