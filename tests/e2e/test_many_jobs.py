"""A queue of many jobs through one worker: all done, none twice, nothing left over."""

from collections import Counter

import pytest

from tests.support.workers import PlanJob, SlowWorkers, StartWorker, follow
from worker.base.settings import Settings
from worker.client import JobClient
from worker.storage import Storage


@pytest.mark.timeout(600)
def test_a_hundred_jobs_through_one_worker(
    start_worker: StartWorker, client: JobClient, plan: PlanJob, storage: Storage, settings: Settings
) -> None:
    # One reference each: reading a person takes longer than rendering one.
    jobs = [
        job.model_copy(update={"references": job.references[:1]})
        for job in (plan(["front"]) for _ in range(100))
    ]
    for job in jobs:
        client.submit(job)
    worker = start_worker()
    for job in jobs:
        events = follow(client, job, timeout=300)
        assert events[-1].type == "job.completed"
        assert Counter(e.type for e in events)["job.started"] == 1

    records = [client.get(job.job_id) for job in jobs]
    assert {(r.status, r.attempts) for r in records} == {("completed", 1)}
    keys = {o.key for o in storage.list(f"{settings.s3_prefix}/{jobs[0].project_id}/influencers")}
    accounted = {
        key
        for record in records
        if record.result
        for key in (
            record.result.manifest_key,
            *(k for image in record.result.images for k in (image.key, image.thumbnail_key)),
        )
    }
    assert keys == accounted
    assert len(keys) == 300
    assert worker.log.read_bytes().count(b"attempt.began") == 100


def test_the_next_job_is_fetched_while_the_present_one_renders(
    slow_workers: SlowWorkers, client: JobClient, plan: PlanJob
) -> None:
    slow_workers(1)
    first, second = plan(["front", "smile", "profile", "outdoor"]), plan(["front"])
    client.submit(first)
    client.submit(second)
    ended = follow(client, first)[-1].at
    began = next(e for e in follow(client, second) if e.type == "job.started").at
    assert began < ended
