"""How long it takes until another worker renders what a killed one had on its device.

python -m tests.e2e.faults.takeover --trials 24 --seed 7
"""

import secrets
import sys
import time
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from models.job import CloneJob
from tests.e2e.faults.fleet import Fleet
from tests.e2e.faults.run import plan_job, put_references, site
from tests.support.workers import WorkerProcess
from worker.client import JobClient

MOST = 10.0
"""What is promised, in seconds."""


def takeovers(trials: int, seed: int, folder: Path) -> list[float]:
    """Seconds from SIGKILL until the job's next image is begun elsewhere, for each of `trials` jobs. Every other
    time the worker's children are killed, too."""
    random = Random(seed)
    with site(folder, seed) as here:
        references = put_references(here)
        client = JobClient(here.settings)
        # Two are there while the third is replaced.
        fleet = here.workers(3, image_seconds=0.5)
        try:
            return [
                _takeover(
                    fleet,
                    client,
                    plan_job("plain", references),
                    with_children=bool(trial % 2),
                    wait=random.uniform(0, 1.4),
                )
                for trial in range(trials)
            ]
        finally:
            fleet.abandon()


def _takeover(fleet: Fleet, client: JobClient, job: CloneJob, *, with_children: bool, wait: float) -> float:
    while len(fleet.ready()) < 2:
        time.sleep(0.1)
    client.submit(job)
    holder = _holder(fleet, _begun(fleet, job, after=0)["pid"])
    time.sleep(wait)
    killed_at = time.time()
    fleet.kill(holder, with_children=with_children)
    # What its child began before it noticed isn't another worker's.
    own = fleet.child(holder, "render")
    took = float(_begun(fleet, job, after=killed_at, but=own)["at"]) - killed_at
    (end,) = [event for event in client.watch(job.job_id, timeout=60) if event.is_terminal]
    assert end.type == "job.completed", end
    typer.echo(f"{took:.1f} s")
    return took


def _begun(fleet: Fleet, job: CloneJob, after: float, but: int | None = None) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for note in fleet.notes():
            is_its = note["what"] == "begun" and note["job"] == job.job_id
            if is_its and note["at"] > after and note["pid"] != but:
                return note
        time.sleep(0.02)
    raise AssertionError(f"{job.job_id} wasn't begun")


def _holder(fleet: Fleet, pid: int) -> WorkerProcess:
    (holder,) = [worker for worker in fleet.workers if fleet.child(worker, "render") == pid]
    return holder


def main(
    trials: Annotated[int, typer.Option(min=1)] = 24,
    seed: Annotated[int | None, typer.Option(help="Of a run to play again.")] = None,
) -> None:
    """Kill workers, print how long it took, and end with 1 if it ever took longer than promised."""
    seed = secrets.randbelow(10**6) if seed is None else seed
    with TemporaryDirectory() as folder:
        took = takeovers(trials, seed, Path(folder))
    typer.echo(
        f"seed {seed}: taken over after SIGKILL {len(took)} times, "
        f"median {median(took):.1f} s, max {max(took):.1f} s"
    )
    sys.exit(1 if max(took) > MOST else 0)


if __name__ == "__main__":
    typer.run(main)
