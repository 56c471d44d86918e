"""The landing by the feed: what ended is found whatever waits, in turns, after a retry and after a loss of data."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import redis

from api.app import make_app
from api.http.call import Services
from api.landing.landing import Landing
from api.settings import ApiSettings
from models.record import JobError
from tests.support.api.client import Api, begin, message_of, result_of
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.jobs import JobStore
from worker.queue.jobs.dead import DeadLetters

ERROR = JobError(code="RENDER_FAILED", message="It broke.")


@pytest.fixture
def another_landing(settings: Settings, api_settings: ApiSettings) -> Iterator[Callable[[], Landing]]:
    made_services: list[Services] = []

    def start() -> Landing:
        made_services.append(make_app(settings, api_settings).state.services)
        return made_services[-1].landing

    yield start
    for services in made_services:
        services.database.close()


def cloned(api: Api, count: int) -> list[str]:
    path = f"/v1/influencers/{api.source()}/clone"
    return [str(api.call("POST", path, {"name": "B"}).json()["jobId"]) for _ in range(count)]


def complete(store: JobStore, job_id: str) -> None:
    job = message_of(store, job_id)
    store.complete(begin(store, job), result_of(job))


def failed(api: Api, store: JobStore) -> str:
    (job_id,) = cloned(api, 1)
    store.fail(begin(store, message_of(store, job_id)), ERROR)
    return job_id


def test_a_retried_job_lands(api: Api, settings: Settings, store: JobStore) -> None:
    landing = api.services.landing
    landing.sweep()
    job_id = failed(api, store)
    influencer = message_of(store, job_id).influencer_id
    landing.sweep()
    assert api.row(influencer)["status"] == "failed"

    heir = DeadLetters(settings).heir(job_id)
    JobClient(settings).submit(heir)
    landing.sweep()
    read = api.call("GET", f"/v1/jobs/{heir.job_id}")
    assert (read.status_code, read.json()["status"]) == (200, "running")
    assert api.row(influencer)["status"] == "pending"
    assert [job["jobId"] for job in api.call("GET", "/v1/jobs").json()["items"]] == [heir.job_id, job_id]
    complete(store, heir.job_id)
    landing.sweep()
    row = api.row(influencer)
    assert (row["status"], len(row["referenceImages"])) == ("ready", 2)
    assert api.call("GET", f"/v1/jobs/{job_id}").json()["status"] == "failed"


def test_a_retry_that_nobody_was_there_to_see_lands_and_is_submitted(
    api: Api, settings: Settings, store: JobStore, another_landing: Callable[[], Landing], stranger: Api
) -> None:
    """The feed has forgotten it, and `dead retry` died before it submitted the new job. The failed one hasn't even
    landed."""
    job_id = failed(api, store)
    heir = DeadLetters(settings).heir(job_id)
    store._redis.delete(f"{settings.redis_prefix}:feed")
    for landing in (another_landing(), another_landing()):
        landing.sweep()
    assert api.row(heir.influencer_id)["status"] == "pending"
    assert store.get(heir.job_id).status == "running"
    assert message_of(store, heir.job_id) == heir
    assert stranger.call("GET", f"/v1/jobs/{heir.job_id}").status_code == 404
    # The retry fails, and is retried.
    store.fail(begin(store, message_of(store, heir.job_id)), ERROR)
    again = DeadLetters(settings).heir(heir.job_id)
    JobClient(settings).submit(again)
    complete(store, again.job_id)
    landing.sweep()
    assert api.row(heir.influencer_id)["status"] == "ready"


def test_a_retry_that_fails_takes_nothing_from_a_row_that_got_images(
    api: Api, settings: Settings, store: JobStore
) -> None:
    job_id = failed(api, store)
    api.services.landing.sweep()
    influencer = message_of(store, job_id).influencer_id
    asset = api.media(api.row(influencer)["projectId"])
    api.call("POST", f"/v1/influencers/{influencer}/reference-images", {"assetIds": [asset]})
    heir = DeadLetters(settings).heir(job_id)
    store.submit(heir)
    store.fail(begin(store, message_of(store, heir.job_id)), ERROR)
    api.services.landing.sweep()
    assert api.row(influencer)["status"] == "ready"
    assert api.call("GET", f"/v1/jobs/{heir.job_id}").json()["status"] == "failed"


def test_jobs_that_wait_cost_nothing(api: Api, store: JobStore, redis_client: redis.Redis) -> None:
    jobs = cloned(api, 120)
    landing = api.services.landing
    landing._clock = lambda: 1000.0
    landing.sweep()
    before = commands(redis_client)
    for _ in range(10):
        landing.sweep()
    # Three or four a sweep, and what connections send by themselves; one for each job would be 1,200.
    assert sum(commands(redis_client).values()) - sum(before.values()) < len(jobs)
    complete(store, jobs[-1])
    landing.sweep()
    assert api.row(message_of(store, jobs[-1]).influencer_id)["status"] == "ready"
    # But one that nobody told of is found all the same, a part of them at a time.
    for lost in (jobs[0], jobs[-2]):
        store._redis.delete(store._job_key(lost), store._events_key(lost))
    for now in (1010.0, 1020.0):
        landing._clock = partial(float, now)
        landing.sweep()
    assert [record is not None for record in store.records([jobs[0], jobs[-2]])] == [True, True]


def commands(client: redis.Redis) -> dict[str, int]:
    stats: Any = client.info("commandstats")
    skipped = ("cmdstat_info",)
    return {name: told["calls"] for name, told in stats.items() if name not in skipped}


def test_organisations_land_in_turns(api: Api, stranger: Api, store: JobStore, logged: list[Any]) -> None:
    landing = api.services.landing
    landing.sweep()
    mine = cloned(api, 70)
    for job_id in mine:
        store.cancel(job_id)
    (theirs,) = cloned(stranger, 1)
    complete(store, theirs)
    landing.sweep()
    landed = [entry["jobId"] for entry in logged if entry["event"] == "job.landed"]
    assert sorted(landed) == sorted([*mine, theirs])
    assert landed.index(theirs) < 50, "in the first transaction, though it ended last"


def test_a_redis_that_lost_its_data_is_told_all_jobs_at_once(
    api: Api, settings: Settings, store: JobStore, redis_client: redis.Redis
) -> None:
    jobs = cloned(api, 3)
    landing = api.services.landing
    landing._clock = lambda: 1000.0
    landing.sweep()
    for key in redis_client.scan_iter(f"{settings.redis_prefix}:*"):
        redis_client.delete(key)
    landing.sweep()
    assert all(record is not None for record in store.records(jobs))
