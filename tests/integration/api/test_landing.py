"""The landing: a row follows its job, once, whoever dies in between."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from api.app import make_app
from api.http.call import Services
from api.landing import arrival
from api.landing.landing import Landing
from api.rows.tables import AssetRow, BoundImageRow
from api.settings import ApiSettings
from models.job import CloneJob
from models.record import JobError
from tests.support.api.client import Api, begin, message_of, result_of
from worker.base.settings import Settings
from worker.queue.jobs import JobStore


@pytest.fixture
def job(api: Api, store: JobStore) -> CloneJob:
    source = api.source(hairColor="black", personality={"tone": "warm", "humor": "gentle"})
    body = {
        "name": "Nova (B variant)",
        "overrides": {"hairColor": "red", "personality": {"humorStyle": "dry-witty"}},
    }
    answer = api.call("POST", f"/v1/influencers/{source}/clone", body)
    return message_of(store, answer.json()["jobId"])


@pytest.fixture
def another_process(settings: Settings, api_settings: ApiSettings) -> Iterator[Callable[[], Landing]]:
    """Makes the landing of another API process: with connections of its own."""
    made_services: list[Services] = []

    def start() -> Landing:
        made_services.append(make_app(settings, api_settings).state.services)
        return made_services[-1].landing

    yield start
    for services in made_services:
        services.database.close()


def test_a_row_goes_from_pending_to_ready(api: Api, store: JobStore, job: CloneJob) -> None:
    landing = api.services.landing
    landing.sweep()
    assert api.row(job.influencer_id)["status"] == "pending"
    lease = begin(store, job)
    landing.sweep()
    assert api.row(job.influencer_id)["status"] == "training"
    patch = {"name": "Patched", "personality": {"tone": "cool", "humor": "none"}}
    api.call("PATCH", f"/v1/influencers/{job.influencer_id}", patch)
    mine = api.media(job.project_id)
    api.call("POST", f"/v1/influencers/{job.influencer_id}/reference-images", {"assetIds": [mine]})
    assert api.row(job.influencer_id)["status"] == "training"

    result = result_of(job)
    store.complete(lease, result)
    landing.sweep()
    row = api.row(job.influencer_id)
    assert (row["status"], row["hairColor"], row["name"]) == ("ready", "red", "Patched")
    # Overrides are applied last.
    assert row["personality"] == {"tone": "cool", "humor": "dry-witty"}
    assert [image["assetId"] for image in row["referenceImages"]] == [
        *(image.asset_id for image in result.images),
        mine,
    ]
    assert "/thumbs/front.webp?" in row["thumbnailUrl"], "signed for the key that the job named"
    # It can be cloned itself, from where its images are: their URLs may expire.
    answer = api.call("POST", f"/v1/influencers/{job.influencer_id}/clone", {"name": "C"})
    references = message_of(store, answer.json()["jobId"]).references
    assert [reference.key for reference in references] == [*(image.key for image in result.images), None]


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_a_job_without_a_result_leaves_the_row_failed(
    api: Api, store: JobStore, job: CloneJob, end: str
) -> None:
    lease = begin(store, job)
    if end == "failed":
        store.fail(lease, JobError(code="RENDER_FAILED", message="It broke."))
    else:
        store.end_canceled(lease)
    api.services.landing.sweep()
    row = api.row(job.influencer_id)
    assert (row["status"], row["referenceImages"]) == ("failed", [])
    # Somebody has pictures of it after all.
    asset = api.media(row["projectId"])
    api.call("POST", f"/v1/influencers/{job.influencer_id}/reference-images", {"assetIds": [asset]})
    assert api.row(job.influencer_id)["status"] == "ready"


def test_a_deleted_row_stays_deleted(api: Api, store: JobStore, job: CloneJob) -> None:
    lease = begin(store, job)
    api.call("DELETE", f"/v1/influencers/{job.influencer_id}")
    store.complete(lease, result_of(job))
    api.services.landing.sweep()
    assert api.call("GET", f"/v1/influencers/{job.influencer_id}").status_code == 404
    assert api.call("GET", f"/v1/jobs/{job.job_id}").json()["status"] == "completed"


def test_a_landing_that_died_half_way_is_done_by_another(
    api: Api,
    store: JobStore,
    job: CloneJob,
    another_process: Callable[[], Landing],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped at the last moment: all is written and nothing is committed."""

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    store.complete(begin(store, job), result_of(job))
    with monkeypatch.context() as dying:
        dying.setattr("api.landing.arrival._add_images", die)
        with pytest.raises(Killed):
            api.services.landing.sweep()
    assert api.row(job.influencer_id)["status"] == "pending"
    assert count(api, AssetRow) == 1

    another_process().sweep()
    assert api.row(job.influencer_id)["status"] == "ready"
    assert not api.services.landing.land(store.get(job.job_id))
    assert count(api, AssetRow) == 3


def test_many_consumers_land_a_job_once(
    api: Api, store: JobStore, job: CloneJob, another_process: Callable[[], Landing]
) -> None:
    store.complete(begin(store, job), result_of(job))
    record = store.get(job.job_id)
    landings = [another_process() for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        landed = list(threads.map(lambda n: landings[n % 4].land(record), range(16)))
    assert sum(landed) == 1
    assert count(api, BoundImageRow) == 3
    api.call("PATCH", f"/v1/influencers/{job.influencer_id}", {"personality": {"humor": "loud"}})
    for landing in landings:
        landing.sweep()
    # What was done after the landing isn't undone by a second one.
    assert api.row(job.influencer_id)["personality"]["humor"] == "loud"


def test_a_job_that_redis_lost_is_submitted_again(api: Api, store: JobStore, job: CloneJob) -> None:
    store._redis.delete(store._job_key(job.job_id), store._events_key(job.job_id))
    api.services.landing.sweep()
    assert store.get(job.job_id).status == "running"
    assert message_of(store, job.job_id) == job


def test_one_that_can_not_land_does_not_hold_up_the_others(
    api: Api, store: JobStore, job: CloneJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = api.source()
    other = api.call("POST", f"/v1/influencers/{source}/clone", {"name": "C"}).json()
    for each in (job, message_of(store, other["jobId"])):
        store.complete(begin(store, each), result_of(each))
    make_ready = arrival._make_ready

    def refuse(row: Any, landed: Any, result: Any, now: Any) -> None:
        if landed.job_id == job.job_id:
            raise ValueError
        make_ready(row, landed, result, now)

    monkeypatch.setattr(arrival, "_make_ready", refuse)
    api.services.landing.sweep()
    assert api.row(other["influencerId"])["status"] == "ready"
    assert api.row(job.influencer_id)["status"] == "pending"


def test_the_application_lands_by_itself(app: FastAPI, api: Api, store: JobStore, job: CloneJob) -> None:
    store.complete(begin(store, job), result_of(job))

    async def live() -> None:
        async with app.router.lifespan_context(app):
            for _ in range(100):
                if (await asyncio.to_thread(api.row, job.influencer_id))["status"] == "ready":
                    return
                await asyncio.sleep(0.05)

    asyncio.run(live())
    assert api.row(job.influencer_id)["status"] == "ready"


def count(api: Api, table: Any) -> int:
    with api.services.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0
