"""One run of the fault suite: jobs through workers while faults come by a plan, then a look from outside.

python -m tests.e2e.faults.run --jobs 300 --faults 120 --seed 7
"""

import heapq
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Annotated

import typer
from ulid import ULID

from models.errors import CancelUnavailable, LikenessError, NotFound, QueueUnavailable
from models.job import CloneJob, CloneRequest, ReferenceSource
from tests.e2e.faults import figures
from tests.e2e.faults.afterwards import asking, collect, unfinished
from tests.e2e.faults.chaos import Chaos
from tests.e2e.faults.customer import Customer, customer
from tests.e2e.faults.fleet import Fleet
from tests.e2e.faults.invariants import Kind, Rendered, Seen, rendered_again, violations
from tests.e2e.faults.kinds import INJECTS, plan
from tests.e2e.faults.planned import Injected, Planned
from tests.e2e.faults.proxies import StoreProxy, TcpProxy
from tests.e2e.faults.quick_worker import MISSES
from tests.e2e.faults.services import Deliverer, HangingReceiver, LastingRedis
from tests.support.servers.postgresql import PostgreSQL
from tests.support.servers.receiver import SECRET
from tests.support.workers import environment_of
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.queue.jobs import JobStore
from worker.stack import EmbeddedStack
from worker.stack.samples import load_sample
from worker.storage import Storage

SHOTS = ("front", "smile", "profile", "outdoor")
PREFIX = "faults"
DRAIN_GRACE = 3


@dataclass(frozen=True, slots=True)
class Form:
    """How much of it. Jobs and faults are spread over `seconds`; then all has `patience` seconds to end."""

    jobs: int
    faults: int
    seconds: float
    patience: float
    workers: int = 3
    image_seconds: float = 0.3
    project_limit: int | None = 4
    """All jobs are of one project. Three workers would have six in hand."""
    long: bool = False
    """With the faults that take their time, and with an API whose database is killed."""
    rows: int = 60
    """Clones that are asked for over HTTP, in a long run."""


SMALL = Form(jobs=30, faults=26, seconds=25, patience=150)


@dataclass(slots=True)
class Report:
    """What came of a run. Nothing may be `wrong`."""

    seed: int
    wrong: list[str]
    injected: list[Injected]
    seen: list[Seen]
    took: float
    workers_started: int
    slowest_drain: float
    left_over: list[str] = field(default_factory=list)
    rendered_again: int = 0


@dataclass(frozen=True, slots=True)
class Site:
    """What a run has to itself. `settings` lead to the services directly, `proxied` through the proxies."""

    folder: Path
    stack: EmbeddedStack
    redis_proxy: TcpProxy
    store_proxy: StoreProxy
    settings: Settings
    proxied: Settings

    def workers(self, size: int, image_seconds: float) -> Fleet:
        return Fleet(size, environment_of(self.proxied), self.folder, image_seconds)


@contextmanager
def site(folder: Path, seed: int, project_limit: int | None = None) -> Iterator[Site]:
    with ExitStack() as cleanup:
        stack = cleanup.enter_context(EmbeddedStack(folder / "stack", persist=True))
        redis_proxy = TcpProxy(stack.redis.port)
        cleanup.callback(redis_proxy.stop)
        store_proxy = StoreProxy(stack.s3.port, Random(seed))
        cleanup.callback(store_proxy.stop)
        settings = stack.settings(
            queue=PREFIX,
            redis_prefix=PREFIX,
            gate="required",
            # A real one takes minutes to be sure; this one would take the run's time.
            step_timeout=5,
            decode_timeout=5,
            judge_timeout=5,
            drain_grace=DRAIN_GRACE,
            # Faults come more densely than anywhere else, and no job shall fail for them.
            max_attempts=20,
            project_limit=project_limit,
            retry_backoff=0.2,
        )
        proxied = settings.model_copy(
            update={
                "redis_url": Settings(redis_url=f"redis://{redis_proxy.address}/0").redis_url,
                "s3_endpoint_url": f"http://{store_proxy.address}",
            }
        )
        yield Site(folder, stack, redis_proxy, store_proxy, settings, proxied)


def run(form: Form, seed: int, folder: Path, planned: Sequence[Planned] | None = None) -> Report:
    """`planned`: these faults instead of what the seed draws."""
    began = time.monotonic()
    with ExitStack() as cleanup:
        here = cleanup.enter_context(site(folder, seed, form.project_limit))
        receiver = HangingReceiver()
        cleanup.callback(receiver.stop)
        deliverer = Deliverer(_webhook_environment(here.proxied, receiver), folder / "deliverer.log")
        cleanup.callback(deliverer.kill)
        fleet = here.workers(form.workers, form.image_seconds)
        cleanup.callback(fleet.abandon)
        producer = Producer(here, form, Random(seed), receiver.url())
        buyer: Customer | None = None
        database: PostgreSQL | None = None
        if form.long:
            buyer, database = cleanup.enter_context(customer(here.proxied, folder, form.seconds / form.rows))
        chaos = Chaos(
            here.settings,
            redis_server=LastingRedis(here.stack.redis),
            redis_proxy=here.redis_proxy,
            store_proxy=here.store_proxy,
            fleet=fleet,
            receiver=receiver,
            deliverer=deliverer,
            submitted=producer.submitted,
            database=database,
        )
        fleet.wait_ready()
        producer.start()
        # Nothing is in hand at once.
        time.sleep(1)
        if planned is None:
            planned = plan(seed, form.faults, form.seconds, long=form.long)
        chaos.run(planned, INJECTS)
        producer.join()
        if buyer:
            buyer.stop()
        deadline = time.monotonic() + form.patience
        _wait_for_ends(here, producer.submitted, deadline)
        _wait_for(lambda: _untold(producer.submitted, receiver) == 0, deadline)
        if buyer:
            buyer.wait_for_rows(deadline)
            producer.complaints += buyer.complaints
        # Messages of jobs that ended are still taken, and webhooks noted. Workers that leave put messages back.
        _wait_for(lambda: not unfinished(here.settings), deadline)
        places = unfinished(here.settings)
        if not _wait_for(lambda: asking(here.settings) >= form.workers, time.monotonic() + 60):
            producer.complaints.append(f"{asking(here.settings)} of {form.workers} workers ask for messages")
        fleet.stop()
        keys = _keys(here, producer)
        collected, doubts = collect(here.settings)
        seen = look(here, producer, fleet, receiver, collected)
        if len(seen) < form.jobs:
            producer.complaints.append(f"only {len(seen)} of {form.jobs} jobs were submitted")
        if len(chaos.injected) < len(planned):
            producer.complaints.append(f"only {len(chaos.injected)} of {len(planned)} faults came")
        return Report(
            seed=seed,
            wrong=[
                *violations(seen, keys, limit=form.project_limit, places=places),
                *doubts,
                *fleet.complaints,
                *producer.complaints,
            ],
            injected=chaos.injected,
            seen=seen,
            took=time.monotonic() - began,
            workers_started=fleet.started,
            slowest_drain=chaos.slowest_drain,
            left_over=[key for found in collected.values() for key in found],
            rendered_again=sum(map(rendered_again, seen)),
        )


class Producer(Thread):
    """Submits the jobs one after another, and cancels some; through the proxy, so that it has to try again."""

    def __init__(self, here: Site, form: Form, random: Random, callback: str) -> None:
        super().__init__(daemon=True)
        self.submitted: list[CloneJob] = []
        self.kinds: dict[str, Kind] = {}
        self.complaints: list[str] = []
        self._client = JobClient(here.proxied)
        self._due: list[tuple[float, int, str, CloneJob]] = []
        self._number = count()
        references = put_references(here)
        for number, kind in enumerate(random.sample(_kinds(form.jobs), form.jobs)):
            job = plan_job(kind, references, callback)
            at = number * form.seconds / form.jobs
            self.kinds[job.job_id] = kind
            self._plan(at, "submit", job)
            if kind == "canceled":
                self._plan(at + random.uniform(0, 6), "cancel", job)

    def run(self) -> None:
        start = time.monotonic()
        while self._due:
            at, _, action, job = heapq.heappop(self._due)
            time.sleep(max(0.0, start + at - time.monotonic()))
            try:
                if action == "submit":
                    self._client.submit(job)
                    self.submitted.append(job)
                else:
                    self._client.cancel(job.job_id)
            except (CancelUnavailable, NotFound):
                pass
            except QueueUnavailable:
                self._plan(at + 1, action, job)
            except LikenessError as error:
                self.complaints.append(f"{action} of {job.job_id}: {error.code}")

    def _plan(self, at: float, action: str, job: CloneJob) -> None:
        # Actions of one moment go by their number: jobs have no order.
        heapq.heappush(self._due, (at, next(self._number), action, job))


def _kinds(jobs: int) -> list[Kind]:
    others: tuple[Kind, ...] = ("canceled", "misses", "canceled", "no reference")
    return [others[number // 5 % 4] if number % 5 == 0 else "plain" for number in range(jobs)]


def put_references(here: Site) -> dict[Kind, str]:
    source, files = load_sample("maya")
    with Storage(here.settings) as storage:
        storage.put_image(storage.keys.media_key(source.project_id, "med_there"), files[0], "image/webp", {})
    return {"no reference": "med_missing"}


def plan_job(kind: Kind, references: dict[Kind, str], callback: str | None = None) -> CloneJob:
    source, _ = load_sample("maya")
    job_id = f"job_{ULID()}"
    told = {"vibe": job_id} | ({"style": MISSES} if kind == "misses" else {})
    request = CloneRequest.parse({"name": "Maya B", "overrides": told})
    asset_id = references.get(kind, "med_there")
    return plan_clone(
        source, request, [ReferenceSource(asset_id=asset_id)], SHOTS, job_id, callback_url=callback
    )


def _webhook_environment(settings: Settings, receiver: HangingReceiver) -> dict[str, str]:
    return environment_of(settings) | {
        "LIKENESS_WEBHOOK_SECRETS": SECRET,
        "LIKENESS_WEBHOOK_TIMEOUT": "1",
        "LIKENESS_WEBHOOK_SCHEDULE": json.dumps([0.5] * 100),
        # Beside the embedded store, the receiver is the one that this process may reach.
        "LIKENESS_ALLOW_HTTP_TO": receiver.address,
    }


def _wait_for_ends(here: Site, jobs: Sequence[CloneJob], deadline: float) -> None:
    store = JobStore(here.settings)
    left = list(jobs)
    while left and time.monotonic() < deadline:
        left = [job for job in left if not store.get(job.job_id).is_final]
        time.sleep(0.3)


def _untold(jobs: Sequence[CloneJob], receiver: HangingReceiver) -> int:
    return sum(not any(told.taken for told in receiver.told.get(job.job_id, ())) for job in jobs)


def _wait_for(condition: Callable[[], bool], deadline: float) -> bool:
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def _keys(here: Site, producer: Producer) -> list[str]:
    """All that is in the jobs' folder."""
    with Storage(here.settings) as storage:
        return [o.key for o in storage.list(f"{producer.submitted[0].project_id}/influencers")]


def look(
    here: Site, producer: Producer, fleet: Fleet, receiver: HangingReceiver, collected: dict[str, list[str]]
) -> list[Seen]:
    """What Redis, the bucket, the receiver and the devices have. `collected`: by job, what gc deleted."""
    rendered: dict[str, list[Rendered]] = {}
    for note in fleet.notes():
        if note["what"] == "rendered":
            rendered.setdefault(note["job"], []).append(Rendered(note["shot"], note["began"], note["at"]))
    seen = []
    with Storage(here.settings) as storage:
        store = JobStore(here.settings)
        for job in producer.submitted:
            folder = storage.keys.job_prefix(job)
            try:
                record = store.get(job.job_id)
            except NotFound:
                record = None
            seen.append(
                Seen(
                    job=job,
                    kind=producer.kinds[job.job_id],
                    folder=folder,
                    record=record,
                    events=list(store.events(job.job_id)),
                    objects={o.key: storage.get(o.key, 1 << 20) for o in storage.list(folder)},
                    rendered=rendered.get(job.job_id, []),
                    stored=here.store_proxy.stored,
                    told=receiver.told.get(job.job_id, []),
                    collected=collected.get(job.job_id, []),
                )
            )
    return seen


def main(
    jobs: Annotated[int, typer.Option(min=1)] = 300,
    faults: Annotated[int, typer.Option(min=0)] = 120,
    seed: Annotated[int | None, typer.Option(help="Of a run to play again. Drawn if it isn't given.")] = None,
    seconds: Annotated[float, typer.Option(help="Over which all is spread but a blackout.")] = 300,
) -> None:
    """Run the fault suite, print its figures, and end with 1 if anything was wrong."""
    seed = secrets.randbelow(10**6) if seed is None else seed
    typer.echo(f"seed {seed}")
    with TemporaryDirectory() as folder:
        report = run(Form(jobs, faults, seconds, patience=180, long=True), seed, Path(folder))
    typer.echo(figures.table(report))
    for text in report.wrong:
        typer.echo(f"WRONG: {text}")
    sys.exit(1 if report.wrong else 0)


if __name__ == "__main__":
    typer.run(main)
