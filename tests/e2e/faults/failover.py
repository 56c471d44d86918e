"""What a failover by Sentinel costs: jobs that are lost, and the time until jobs in hand move on.

python -m tests.e2e.faults.failover --trials 10

Three Redis, three Sentinels, three workers. Each time some jobs are in hand and others wait; one more is submitted
while no master is there. The master is killed, made to hang as a machine that goes without a word, or ordered to
hand over, in turn.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import redis
import typer
from pydantic import SecretStr

from models.errors import NotFound, QueueUnavailable
from models.event import JobEvent
from models.job import CloneJob
from tests.e2e.faults.figures import recovery
from tests.e2e.faults.fleet import Fleet
from tests.e2e.faults.run import plan_job, put_references, site
from tests.support.servers.redis_servers import Watched
from tests.support.workers import environment_of
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.jobs import JobStore
from worker.stack.redis_server import RedisServer

KINDS = ("killed", "hangs", "ordered")
IMAGE_SECONDS = 1.0
_PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Failover:
    """`promoted`: seconds until there was another master. `moved_on`: until each job that was in hand did."""

    kind: str
    promoted: float
    moved_on: tuple[float, ...]
    wrong: tuple[str, ...]


def failovers(kinds: Sequence[str], folder: Path, down_after: int, query: str = "") -> Iterator[Failover]:
    """`down_after`: of the Sentinels, in milliseconds. `query`: of the URL."""
    with ExitStack() as cleanup:
        here = cleanup.enter_context(site(folder, seed=1))
        watched = cleanup.enter_context(Watched(folder / "watched", nodes=3, down_after=down_after))
        settings = here.settings.model_copy(update={"redis_url": SecretStr(watched.url + query)})
        references = put_references(here)
        fleet = Fleet(3, environment_of(settings), folder, IMAGE_SECONDS)
        cleanup.callback(fleet.abandon)
        for number, kind in enumerate(kinds):
            _wait_until(lambda: len(fleet.ready()) == 3)
            jobs = [plan_job("plain", references) for _ in range(8)]
            yield _fail_over(kind, watched, settings, jobs)
            if number + 1 < len(kinds):
                watched.wait_settled()
        fleet.stop()
        assert not fleet.complaints, fleet.complaints


def _fail_over(kind: str, watched: Watched, settings: Settings, jobs: Sequence[CloneJob]) -> Failover:
    client, store = JobClient(settings), JobStore(settings)
    for job in jobs[:-1]:
        client.submit(job)
    _wait_until(lambda: len(_rendering(store, jobs[:-1])) >= 2)
    in_hand = _rendering(store, jobs[:-1])
    old, at = watched.master, time.time()
    with _failing(kind, old, watched):
        watched.wait_master(but=old)
        promoted = time.time() - at
        _submit(client, jobs[-1])
        wrong = [text for job in jobs if (text := _ended(store, job))]
    events = {job.job_id: _events(store, job) for job in in_hand}
    moved_on = [wait for job in in_hand if (wait := recovery(events[job.job_id], at)) is not None]
    return Failover(kind, promoted, tuple(moved_on), tuple(wrong))


@contextmanager
def _failing(kind: str, master: RedisServer, watched: Watched) -> Iterator[None]:
    """Afterwards the node is back, as whatever the Sentinels make of it."""
    if kind == "ordered":
        watched.order_failover()
        yield
    elif kind == "killed":
        master.kill()
        yield
        master.start()
    else:
        with redis.Redis(port=master.port) as client:
            pid = int(client.info("server")["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def _submit(client: JobClient, job: CloneJob) -> None:
    """As a producer that tries again."""
    while True:
        try:
            client.submit(job)
        except QueueUnavailable:
            time.sleep(0.2)
        else:
            return


def _rendering(store: JobStore, jobs: Sequence[CloneJob]) -> list[CloneJob]:
    """Those of which a step was told."""
    return [
        job
        for job in jobs
        if not store.get(job.job_id).is_final
        and any(event.type == "job.progress" for event in store.events(job.job_id))
    ]


def _ended(store: JobStore, job: CloneJob) -> str | None:
    """What is wrong with the job's end, once it is there."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            if store.get(job.job_id).is_final:
                break
        except NotFound:
            return f"{job.job_id} is lost"
        except QueueUnavailable:
            pass
        time.sleep(0.2)
    ends = [event.type for event in _events(store, job) if event.is_terminal]
    return None if ends == ["job.completed"] else f"{job.job_id} ended with {ends}"


def _events(store: JobStore, job: CloneJob) -> list[JobEvent]:
    return list(store.events(job.job_id))


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def main(
    trials: Annotated[int, typer.Option(min=1)] = 10,
    kind: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(KINDS)}. All without it.")
    ] = None,
    down_after: Annotated[int, typer.Option(help="Of the Sentinels, in milliseconds.")] = 2000,
    query: Annotated[str, typer.Option(help="Of the URL, such as ?socket_timeout=4.")] = "",
) -> None:
    """Fail over, print how long it took, and end with 1 if a job was lost or ended otherwise than completed."""
    among = kind or KINDS
    kinds = [among[number % len(among)] for number in range(trials)]
    seen = []
    with TemporaryDirectory() as folder:
        for one in failovers(kinds, Path(folder), down_after, query):
            seen.append(one)
            told = ", ".join(f"{wait:.1f}" for wait in one.moved_on)
            typer.echo(f"{one.kind}: another master after {one.promoted:.1f} s; jobs moved on after {told} s")
    wrong = [text for one in seen for text in one.wrong]
    waits = [wait for one in seen for wait in one.moved_on]
    typer.echo(
        f"{trials} failovers, down-after {down_after} ms: jobs lost or not completed {len(wrong)}; "
        f"{len(waits)} jobs in hand went on after {median(waits):.1f} s in the median, {max(waits):.1f} s at most"
    )
    for text in wrong:
        typer.echo(f"WRONG: {text}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
