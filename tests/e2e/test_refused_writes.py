"""Redis answers, and refuses writes: a real worker waits, says why, and goes on by itself. It is the same one in
all of these tests."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import redis

from models.errors import QueueUnavailable
from models.job import CloneJob
from tests.e2e.faults.fleet import Fleet
from tests.e2e.faults.refusals import REFUSALS, Refusal, refusing, refusing_after
from tests.e2e.faults.run import Site, plan_job, put_references, site
from tests.support.servers.raw import raw
from tests.support.workers import environment_of, follow, wait_for
from worker.client import JobClient

# In seconds, for what must come. Nothing is measured by it.
PATIENCE = 60


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("refused"), seed=0) as running:
        yield running


@pytest.fixture(scope="module")
def admin(here: Site) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(here.stack.redis.url, decode_responses=True) as client:
        yield client


@pytest.fixture(scope="module")
def fleet(here: Site) -> Iterator[Fleet]:
    running = Fleet(1, environment_of(here.settings.model_copy(update={"http_port": 0})), here.folder, 0.5)
    try:
        running.wait_ready()
        wait_until(lambda: reasons_of(running) == [])
        # Were it to end, no other takes its place.
        running.stop_watching()
        yield running
    finally:
        running.abandon()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def reasons_of(fleet: Fleet) -> list[str]:
    """What `/ready` says against the one worker. It must answer, so it must live."""
    port = next(said["port"] for _, said in fleet.logs() if said.get("event") == "endpoint.ready")
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready") as answer:
            found: list[str] = json.load(answer)["reasons"]
    except HTTPError as error:
        with error:
            found = json.load(error)["reasons"]
    return found


def lives(fleet: Fleet) -> bool:
    (worker,) = fleet.workers
    return worker.process.poll() is None


def logged(fleet: Fleet, event: str, kind: str) -> int:
    return sum(said.get("event") == event and kind in said["error"] for _, said in fleet.logs())


def a_job(here: Site) -> CloneJob:
    return plan_job("plain", put_references(here))


@pytest.mark.parametrize("kind", REFUSALS)
def test_an_idle_worker_waits_and_says_why(
    here: Site, admin: redis.Redis, fleet: Fleet, kind: Refusal
) -> None:
    client = JobClient(here.settings)
    job = a_job(here)
    with refusing(admin, kind):
        wait_until(lambda: any(kind in reason for reason in reasons_of(fleet)))
        wait_until(lambda: logged(fleet, "redis.unavailable", kind) > 0)
        with pytest.raises(QueueUnavailable, match=kind):
            client.submit(job)
        assert lives(fleet)
    wait_until(lambda: reasons_of(fleet) == [])
    client.submit(job)
    assert follow(client, job)[-1].type == "job.completed"
    assert lives(fleet)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_busy_worker_ends_its_jobs_afterwards(
    here: Site, admin: redis.Redis, fleet: Fleet, kind: Refusal
) -> None:
    client = JobClient(here.settings)
    jobs = [a_job(here) for _ in range(2)]
    for job in jobs:
        client.submit(job)
    for job in jobs:
        wait_for(client, job, "job.started")
    before = logged(fleet, "job.abandoned", kind)
    with refusing(admin, kind):
        wait_until(lambda: any(kind in reason for reason in reasons_of(fleet)))
        # For longer than the job store's connection tries again by itself.
        wait_until(lambda: logged(fleet, "job.abandoned", kind) > before)
        assert lives(fleet)
    for job in jobs:
        events = follow(client, job)
        assert [event.type for event in events if event.is_terminal] == ["job.completed"]
    assert lives(fleet)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_message_that_comes_right_before_is_not_lost(
    here: Site, admin: redis.Redis, fleet: Fleet, kind: Refusal
) -> None:
    """Nobody but its producer, who knows only Celery, knows of the job: it couldn't be sent again."""
    job = a_job(here)
    message = raw(json.dumps([[job.to_data()], {}, {}]))
    with refusing_after(admin, kind, here.settings.queue, message):
        wait_until(lambda: any(kind in reason for reason in reasons_of(fleet)))
    client = JobClient(here.settings)
    wait_until(lambda: bool(admin.exists(f"{here.settings.redis_prefix}:job:{job.job_id}")))
    assert follow(client, job)[-1].type == "job.completed"
    assert lives(fleet)


@pytest.mark.parametrize("kind", REFUSALS)
def test_the_doctor_finds_it(here: Site, admin: redis.Redis, kind: Refusal) -> None:
    command = [sys.executable, "-m", "tests.e2e.faults.quick_worker", "doctor"]
    quick = {"FAULTS_NOTES": os.devnull, "FAULTS_SECONDS": "0"}
    environment = os.environ | environment_of(here.settings) | quick | {"COLUMNS": "400"}
    assert (
        "Redis takes writes"
        in subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    )
    with refusing(admin, kind):
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    (line,) = [line for line in ended.stdout.splitlines() if "Redis takes writes" in line]
    assert kind in line
