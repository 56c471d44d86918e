"""Who has a job, since when it is at which stage, and where it stands in the queue. Real Redis."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from kombu.transport.redis import PRIORITY_STEPS, Channel
from redis import Redis

from models.job import CloneJob
from models.record import JobRecord, StageTimes
from tests.support.jobs.stored import ERROR, make_job, result_of
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.jobs import JobStore, Lease
from worker.queue.jobs.places import Places
from worker.queue.lanes import lists_of
from worker.queue.queue import JobQueue

Place = Callable[[str], int | None]


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return JobStore(settings)


@pytest.fixture
def place(settings: Settings) -> Place:
    """A job's place as the API shows it, at once."""

    def now(job_id: str) -> int | None:
        (record,) = JobStore(settings, shows_place=True).records([job_id])
        assert record
        return record.queue_place

    return now


def claimed_by(store: JobStore, job: CloneJob, worker: str = "wrk_1") -> Lease:
    lease = store.claim(job, "here:1", None, worker).lease
    assert lease
    return lease


def times_of(store: JobStore, job_id: str) -> StageTimes:
    times = store.get(job_id).stage_times
    assert times
    return times


def test_a_stage_has_the_time_of_its_event(store: JobStore) -> None:
    job = make_job()
    store.submit(job)
    assert store.get(job.job_id).worker is None
    lease = claimed_by(store, job, "wrk_1")
    store.update(lease, "job.stage", stage="rendering", progress=0.05)
    store.update(lease, "job.progress", progress=0.5)
    store.update(lease, "job.stage", stage="storing")
    store.complete(lease, result_of(job))
    record, times = store.get(job.job_id), times_of(store, job.job_id)
    entered = [event.at for event in store.events(job.job_id) if event.type != "job.progress"]
    assert [times.queued, times.fetching, times.rendering, times.storing] == entered[:4]
    assert times.finishing is None
    assert record.worker == "wrk_1"
    assert record.finished_at == entered[4]
    # As it stands in the rows of the API.
    assert JobRecord.parse(record.to_json()) == record


def test_the_times_are_those_of_the_latest_attempt(store: JobStore) -> None:
    job = make_job()
    first = claimed_by(store, job, "wrk_1")
    store.update(first, "job.stage", stage="rendering")
    began = times_of(store, job.job_id)
    time.sleep(0.01)
    store.release(first, "STORAGE_REFUSED", error=ERROR)
    waiting = times_of(store, job.job_id)
    assert waiting.queued
    assert began.rendering
    assert waiting.queued > began.rendering
    # What the attempt did stays to be read until the next one begins.
    assert waiting.rendering == began.rendering
    assert store.get(job.job_id).worker == "wrk_1"
    claimed_by(store, job, "wrk_2")
    again = times_of(store, job.job_id)
    assert again.rendering is None
    assert again.fetching
    assert began.fetching
    assert again.fetching > began.fetching
    assert store.get(job.job_id).worker == "wrk_2"


def test_a_record_from_before_has_neither(store: JobStore, settings: Settings, redis_client: Redis) -> None:
    job = make_job()
    store.submit(job)
    claimed_by(store, job, "")
    key = f"{settings.redis_prefix}:job:{job.job_id}"
    redis_client.hdel(key, "at_queued", "at_fetching", "worker", "held_since")
    record = store.get(job.job_id)
    assert (record.worker, record.stage_times, record.queue_place) == (None, None, None)
    # As rows of the API have it from before.
    assert not {"worker", "stageTimes", "queuePlace"} & json.loads(record.to_json()).keys()
    assert JobRecord.parse(record.to_json()) == record


def test_places_count_down_as_jobs_are_taken(
    store: JobStore, settings: Settings, redis_client: Redis, place: Place
) -> None:
    client, jobs = JobClient(settings), [make_job() for _ in range(4)]
    for job in jobs:
        client.submit(job)
    assert [place(job.job_id) for job in jobs] == [1, 2, 3, 4]
    assert store.get(jobs[0].job_id).queue_place is None, "only the API pays for it"
    take_next(redis_client, settings)
    lease = claimed_by(store, jobs[0])
    assert [place(job.job_id) for job in jobs] == [None, 1, 2, 3]

    # One that has begun goes first: it waits on a queue that is served before theirs.
    waiting = store.release(lease, "WORKER_DRAINS", handover=True)
    assert place(jobs[0].job_id) is None, "its message isn't sent yet"
    JobQueue(settings, store).send_again(waiting)
    assert [place(job.job_id) for job in jobs] == [1, 2, 3, 4]

    # A canceled one's message goes unclaimed. Those behind it aren't shown further back than messages there are.
    client.cancel(jobs[1].job_id)
    for _ in range(2):
        take_next(redis_client, settings)
    assert place(jobs[1].job_id) is None
    assert place(jobs[3].job_id) == 2


def test_a_parked_job_has_no_place(settings: Settings, redis_client: Redis) -> None:
    limited = settings.model_copy(update={"project_limit": 1})
    store, client = JobStore(limited, shows_place=True), JobClient(limited)
    jobs = [make_job(), make_job()]
    for job in jobs:
        client.submit(job)
    records = store.records([job.job_id for job in jobs])
    assert [record and record.queue_place for record in records] == [1, None]


def test_a_job_that_was_sent_by_an_older_version_has_no_place(
    store: JobStore, settings: Settings, redis_client: Redis, place: Place
) -> None:
    job = make_job()
    JobClient(settings).submit(job)
    redis_client.hdel(f"{settings.redis_prefix}:job:{job.job_id}", "ticket")
    assert place(job.job_id) is None
    assert claimed_by(store, job)


def test_where_redis_lost_its_data_no_place_is_below_one(
    settings: Settings, redis_client: Redis, place: Place
) -> None:
    job = make_job()
    JobClient(settings).submit(job)
    redis_client.hset(f"{settings.redis_prefix}:lanes", f"served:{settings.queue}", 1000)
    assert place(job.job_id) == 1


def test_polls_share_a_look_at_the_queues(settings: Settings, redis_client: Redis) -> None:
    client, jobs = JobClient(settings), [make_job() for _ in range(3)]
    for job in jobs:
        client.submit(job)
    places = Places(settings, redis_client)
    fields: Any = [redis_client.hgetall(f"{settings.redis_prefix}:job:{job.job_id}") for job in jobs]
    assert places.of(fields) == [1, 2, 3]
    sent = int(redis_client.info("stats")["total_commands_processed"])
    for _ in range(10):
        assert places.of(fields) == [1, 2, 3]
    assert int(redis_client.info("stats")["total_commands_processed"]) - sent < 5


def test_the_lists_are_those_of_kombu() -> None:
    assert lists_of("q") == ("q", *(f"q{Channel.sep}{step}" for step in PRIORITY_STEPS[1:]))


def take_next(redis_client: Redis, settings: Settings) -> None:
    """As a worker does, which looks at begun jobs first."""
    queues = (f"{settings.queue}.again", settings.queue)
    assert next((taken for queue in queues if (taken := redis_client.rpop(queue))), None)
