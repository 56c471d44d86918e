"""An organisation's limit against a real Redis: its projects share it, and take turns."""

import pytest
from redis import Redis

from models.job import CloneJob, CloneRequest, ReferenceSource, parse_job
from tests.support.jobs.fairness import ids
from tests.support.jobs.stored import SOURCE, claimed, result_of
from worker.base.settings import Settings
from worker.client import plan_clone
from worker.queue.jobs import JobStore


def make_job(project: str, organisation: str | None = "acme corp") -> CloneJob:
    return plan_clone(
        SOURCE.model_copy(update={"project_id": project}),
        CloneRequest(name="Nova B"),
        [ReferenceSource(asset_id="med_1")],
        ["front"],
        organisation=organisation,
    )


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return JobStore(settings.model_copy(update={"organisation_limit": 2}))


def end(store: JobStore, job: CloneJob) -> None:
    store.complete(claimed(store, job), result_of(job))


def test_new_projects_get_an_organisation_no_further(store: JobStore) -> None:
    jobs = [make_job(f"project-{number}") for number in range(5)]
    assert [bool(store.submit(job)) for job in jobs] == [True, True, False, False, False]
    assert store.claim(jobs[4], "me").verdict == "parked", "nor by a message that nobody submitted"
    assert store.submit(make_job("theirs", "other")), "another organisation's limit is its own"
    assert store.submit(make_job("nobodys", None)), "a job that names none counts for its project alone"
    assert store.unpark() == []
    end(store, jobs[0])
    assert len(store.unpark()) == 1


def test_projects_of_an_organisation_take_turns(store: JobStore) -> None:
    running = [make_job("busy") for _ in range(2)]
    for job in running:
        store.submit(job)
    busy = [make_job("busy") for _ in range(3)]
    small = [make_job("small") for _ in range(2)]
    for job in (*busy, *small):
        assert not store.submit(job)
    order: list[str] = []
    for _ in range(5):
        end(store, running.pop(0))
        (job_id,) = ids(store.unpark())
        job = next(one for one in (*busy, *small) if one.job_id == job_id)
        order.append(job.project_id)
        running.append(job)
    assert order == ["busy", "small", "busy", "small", "busy"]


def test_the_smaller_of_two_limits_counts(settings: Settings) -> None:
    store = JobStore(settings.model_copy(update={"organisation_limit": 3, "project_limit": 1}))
    jobs = [make_job("one"), make_job("one"), make_job("two"), make_job("three"), make_job("four")]
    assert [bool(store.submit(job)) for job in jobs] == [True, False, True, True, False]


def test_slots_of_jobs_that_are_no_more_are_given_again(
    settings: Settings, store: JobStore, redis_client: Redis
) -> None:
    jobs = [make_job(f"project-{number}") for number in range(3)]
    for job in jobs:
        store.submit(job)
    redis_client.delete(*(f"{settings.redis_prefix}:job:{job.job_id}" for job in jobs[:2]))
    store.unpark()
    redis_client.zadd(f"{settings.redis_prefix}:parked", {jobs[2].project_id: 0})
    assert ids(store.unpark()) == [jobs[2].job_id]


def test_jobs_without_an_organisation_are_the_same_as_before_there_were_any() -> None:
    job, owned = make_job("one", None), make_job("one")
    assert "organisation" not in job.to_data()
    without = job.model_dump(mode="json") | {"overrides": {}}
    # Added later, in this order; jobs without them stay the same jobs.
    del without["organisation"], without["tier"]
    assert not {"organisation", "tier"} & job._content().keys()
    assert job._content() == without
    same = parse_job(job.to_data() | {"organisation": "acme corp"})
    assert same.fingerprint != job.fingerprint
    assert parse_job(job.to_data() | {"tier": "gold"}).fingerprint != job.fingerprint
    assert owned.organisation == "acme corp"
