"""Services that fail while a job runs, and messages that are no jobs."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from models.errors import NotFound
from models.job import CloneJob, CloneRequest, ReferenceSource
from tests.support.servers.raw import raw
from tests.support.workers import SLOWLY, PlanJob, StartWorker, follow, wait_for
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.queue.jobs.dead import DeadLetters
from worker.stack import EmbeddedStack
from worker.stack.samples import load_sample
from worker.storage import Storage

MAX_ATTEMPTS = 2
SHOTS = ("front", "smile", "profile", "outdoor")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[EmbeddedStack]:
    """A stack of the test's own, to be broken."""
    with EmbeddedStack(tmp_path / "stack", persist=True) as running:
        yield running


@pytest.fixture
def settings(stack: EmbeddedStack) -> Settings:
    return stack.settings(s3_attempts=2, max_attempts=MAX_ATTEMPTS, retry_backoff=1)


def test_an_upload_that_fails_for_good_fails_the_job(
    start_worker: StartWorker, client: JobClient, plan: PlanJob, stack: EmbeddedStack
) -> None:
    worker = start_worker(outage_patience=0, **SLOWLY)
    worker.wait_ready()
    job = plan(SHOTS)
    client.submit(job)
    wait_for(client, job, "job.image_stored")
    stack.s3.kill()
    assert follow(client, job)[-1].type == "job.failed"
    record = client.get(job.job_id)
    assert record.error
    assert (record.error.code, record.error.retryable) == ("STORAGE_UNAVAILABLE", True)
    assert record.attempts == 2
    assert worker.process.poll() is None


def test_a_store_that_comes_back_completes_the_job(
    start_worker: StartWorker, client: JobClient, plan: PlanJob, stack: EmbeddedStack, storage: Storage
) -> None:
    worker = start_worker(retry_backoff=0.2, **SLOWLY)
    worker.wait_ready()
    job = plan(SHOTS)
    client.submit(job)
    wait_for(client, job, "job.image_stored")
    stack.s3.kill()
    while client.get(job.job_id).attempts <= MAX_ATTEMPTS + 1:
        assert worker.process.poll() is None
        time.sleep(0.2)
    stack.s3.start()
    assert follow(client, job)[-1].type == "job.completed", "those that found no store didn't count"
    result = client.get(job.job_id).result
    assert result
    assert [i.shot for i in result.images] == list(SHOTS)
    assert all(storage.head(i.key) for i in result.images)


def test_a_restart_of_redis_is_survived_with_its_data_and_without(
    start_worker: StartWorker, client: JobClient, plan: PlanJob, stack: EmbeddedStack
) -> None:
    worker = start_worker(max_attempts=5, **SLOWLY)
    worker.wait_ready()
    job, next_job = plan(SHOTS), plan(SHOTS)
    client.submit(job)
    wait_for(client, job, "job.image_stored")
    stack.redis.kill()
    stack.redis.start()
    assert follow(client, job)[-1].type == "job.completed"
    client.submit(next_job)
    wait_for(client, next_job, "job.image_stored")
    stack.redis.kill()
    shutil.rmtree(stack.redis.directory)
    stack.redis.start()
    # All of it is lost but what the worker has in hand. A job that waited would have to be submitted again.
    deadline = time.monotonic() + 60
    while not is_known(client, next_job):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    client.submit(next_job)
    events = follow(client, next_job)
    assert [event.type for event in events if event.is_terminal] == ["job.completed"]
    assert worker.process.poll() is None


def is_known(client: JobClient, job: CloneJob) -> bool:
    with suppress(NotFound):
        return bool(client.get(job.job_id))
    return False


def test_messages_that_are_no_jobs_are_kept_and_do_no_harm(
    start_worker: StartWorker, client: JobClient, plan: PlanJob, settings: Settings, redis_client: Redis
) -> None:
    worker = start_worker()
    app = Celery(broker=settings.redis_url.get_secret_value(), set_as_current=False)
    nonsense: list[Any] = [
        None,
        {},
        "text",
        [1, 2],
        {"jobId": "job_1", "kind": "other"},
        {"jobId": "job_\ud800"},
    ]
    for message in nonsense:
        app.send_task("influencer_clone", args=[message], queue=settings.queue)
    app.send_task("influencer_clone", args=[], queue=settings.queue)
    app.send_task("influencer_clone", args=[1, 2], kwargs={"more": 3}, queue=settings.queue)
    app.send_task("no_such_task", args=["of no task"], queue=settings.queue)
    never_sent = plan(["front"])
    # By itself, Celery drops these or ends the worker; those that come twice would take both of its slots forever.
    no_messages = [
        "no JSON",
        '["JSON"]',
        never_sent.to_json(),
        raw('[["a header"], {}, {}]', headers={"task": []}),
        *(raw(f'[["a limit", {n}], {{}}, {{}}]', headers={"timelimit": n}) for n in range(2)),
        *(raw(f'[["a link", {n}], {{}}, {{"callbacks": [{n}]}}]') for n in range(2)),
        raw("not JSON, either"),
        raw("7"),
        raw("[[0], [1], {}]"),
        raw("[]", headers={"compression": "application/x-gzip"}),
        raw("pickled").replace("application/json", "application/x-python-serialize"),
        raw("[[2], {}, {}]", properties={}),
    ]
    redis_client.lpush(settings.queue, *no_messages)
    job = plan(["front"])
    client.submit(job)
    assert follow(client, job)[-1].type == "job.completed"
    dead = DeadLetters(settings)
    letters = dead.letters()
    assert len(letters) == len(nonsense) + 3 + len(no_messages)
    assert {letter.error.code for letter in letters} == {"VALIDATION"}
    assert all(letter.to_json() for letter in letters)
    (its_letter,) = (one for one in letters if one.message == never_sent.to_data())
    assert dead.heir(its_letter.letter_id).project_id == never_sent.project_id
    assert worker.process.poll() is None


def test_other_content_under_a_known_id_changes_nothing(
    start_worker: StartWorker, client: JobClient, plan: PlanJob, settings: Settings
) -> None:
    job = plan(["front"])
    client.submit(job)
    source, _ = load_sample("robin")
    other = plan_clone(source, CloneRequest(name="x"), [ReferenceSource(asset_id="med_1")], job_id=job.job_id)
    app = Celery(broker=settings.redis_url.get_secret_value(), set_as_current=False)
    app.send_task("influencer_clone", args=[other.to_data()], queue=settings.queue)
    start_worker()
    assert follow(client, job)[-1].type == "job.completed"
    assert client.get(job.job_id).influencer_id == job.influencer_id
