"""A cancel that was accepted holds, whatever Redis forgets."""

import pytest
from redis import Redis

from models.job import CloneJob
from tests.integration.api.test_landing import job as job  # noqa: PLC0414 - a fixture
from tests.support.api.client import Api, begin
from tests.support.servers.loss import lose_data
from worker.base.settings import Settings
from worker.queue.jobs import JobStore


@pytest.fixture
def canceled(api: Api, store: JobStore, job: CloneJob) -> CloneJob:
    """A job that a worker has in hand and that is to stop."""
    # From here on, it reads the feed and doesn't look at all jobs.
    api.services.landing.sweep()
    begin(store, job)
    assert api.call("POST", f"/v1/jobs/{job.job_id}/cancel").status_code == 202
    return job


def test_it_is_not_begun_again(
    api: Api, store: JobStore, canceled: CloneJob, settings: Settings, redis_client: Redis
) -> None:
    lose_data(settings, redis_client)

    api.services.landing.sweep()

    record = store.get(canceled.job_id)
    assert (record.status, record.attempts) == ("canceled", 0)
    api.services.landing.sweep()
    assert api.call("GET", f"/v1/jobs/{canceled.job_id}").json()["status"] == "canceled"
    assert api.row(canceled.influencer_id)["status"] == "failed"


def test_a_worker_that_claimed_it_anew_is_told_to_stop(
    api: Api, store: JobStore, canceled: CloneJob, settings: Settings, redis_client: Redis
) -> None:
    lose_data(settings, redis_client)
    lease = begin(store, canceled)
    assert not store.get(canceled.job_id).cancel_requested

    api.services.landing.sweep()

    assert store.renew(lease), "to be canceled"
