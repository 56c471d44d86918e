"""What a job's time and CPU go to, where the device takes its time and no CPU.

python -m bench.job_profile --jobs 12 --seconds 0.25

Prints a table in Markdown: calls a job, and milliseconds a job of time and of CPU. Steps that run beside each other
don't add up to the job's time; a step's CPU is that of its thread, so that of another process isn't in it.
"""

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.sides import Side
from bench.slow_worker import SHOTS
from worker.stack import EmbeddedStack

PROCESSES = ("worker", "render", "verify")
Sums = dict[str, list[float]]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.job_profile")
    parser.add_argument("--jobs", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=0.25, help="For one image on the device.")
    parser.add_argument("--gate", default="required")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="likeness-bench-") as data, EmbeddedStack(Path(data)) as stack:
        changes = {"BENCH_TIMES": data, "LIKENESS_GATE": chosen.gate}
        side = Side(
            stack, "profiled", chosen.seconds, Path(data) / "log", changes, module="bench.timed_worker"
        )
        try:
            side.round(1)
            before = _settled(Path(data))
            took = side.round(chosen.jobs)
            after = _settled(Path(data))
        finally:
            side.process.terminate()
            side.process.wait()
    device = chosen.jobs * len(SHOTS) * chosen.seconds
    print(
        f"{chosen.jobs} jobs of {len(SHOTS)} images, {chosen.seconds:g} s each on the device: {took:.2f} s, "
        f"{took / device:.3f} of the device's time; load {os.getloadavg()[0]:.1f}\n"
    )
    _print(before, after, chosen.jobs)


def _settled(folder: Path) -> Mapping[str, Sums]:
    """The sums of all processes, once they had time to write them down."""
    time.sleep(1)
    found = {}
    for name in PROCESSES:
        if (folder / f"{name}.json").exists():
            found[name] = json.loads((folder / f"{name}.json").read_text())
    return found


def _print(before: Mapping[str, Sums], after: Mapping[str, Sums], jobs: int) -> None:
    print("| process | step | calls | ms | CPU ms |\n|---|---|---|---|---|")
    for process, sums in after.items():
        nothing = [0.0, 0.0, 0.0]
        deltas = {
            name: [now - then for now, then in zip(each, before[process].get(name, nothing), strict=True)]
            for name, each in sums.items()
        }
        _, _, cpu = deltas.pop("process")
        for name, (calls, wall, used) in sorted(deltas.items(), key=lambda item: -item[1][1]):
            if calls:
                times = " | ".join(f"{seconds / jobs * 1e3:.1f}" for seconds in (wall, used))
                print(f"| {process} | {name} | {calls / jobs:.1f} | {times} |")
        print(f"| {process} | **all of the process** | | | **{cpu / jobs * 1e3:.0f}** |")


if __name__ == "__main__":
    main()
