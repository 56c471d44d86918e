"""Rows and jobs that a newer version wrote, as an API that isn't updated yet reads and changes them."""

import json
from typing import Any

from sqlalchemy import update

from api.rows.tables import InfluencerRow, JobRow
from models.job import CloneJob
from models.record import JobRecord
from tests.support.api.client import Api, begin, message_of, result_of
from worker.queue.jobs import JobStore


def write_row(api: Api, table: type[Any], **changes: Any) -> None:
    with api.services.database.write() as session:
        session.execute(update(table).values(**changes))


def stored(api: Api, table: type[Any]) -> Any:
    with api.services.database.read() as session:
        return session.query(table).one()


def landed(api: Api, store: JobStore) -> JobRecord:
    """A completed clone that has landed."""
    job = message_of(store, api.clone(api.source())["jobId"])
    store.complete(begin(store, job), result_of(job))
    record = store.get(job.job_id)
    assert api.services.landing.land(record)
    return record


def test_a_list_shows_a_job_with_words_that_are_not_known(api: Api, store: JobStore) -> None:
    record = landed(api, store).to_data() | {"stage": "archived", "addedLater": 1}
    record["result"]["images"][0]["safety"] = {"nudity": "drawn", "score": 1}
    write_row(api, JobRow, record=json.dumps(record))
    (listed,) = api.listed("/v1/jobs?include=result")
    assert (listed["stage"], listed["addedLater"]) == ("archived", 1)
    assert listed["result"]["images"][0]["safety"]["nudity"] == "drawn"
    assert api.call("GET", f"/v1/jobs/{listed['jobId']}").json() == listed


def test_a_list_shows_a_job_whose_record_can_not_be_read_as_far_as_its_row_goes(
    api: Api, store: JobStore, logged: list[Any]
) -> None:
    record = landed(api, store).to_data() | {"sequence": "the third"}
    other = api.clone(api.source())["jobId"]
    with api.services.database.write() as session:
        session.execute(
            update(JobRow).where(JobRow.job_id == record["jobId"]).values(record=json.dumps(record))
        )
    listed = {job["jobId"]: job for job in api.listed("/v1/jobs?limit=1")}
    assert listed.keys() == {record["jobId"], other}
    shown = listed[record["jobId"]]
    assert (shown["status"], shown["stage"]) == ("completed", "done")
    assert shown["influencerId"] == record["influencerId"]
    line = next(line for line in logged if line["event"] == "record.unreadable")
    assert line["jobId"] == record["jobId"]
    assert "sequence" in line["error"]


def test_landing_keeps_what_a_newer_worker_wrote(api: Api, store: JobStore) -> None:
    job = message_of(store, api.clone(api.source())["jobId"])
    lease = begin(store, job)
    result = result_of(job).to_data() | {"addedLater": {"by": "a newer worker"}}
    store._held_call(lease, "finish", "completed", json.dumps(result))
    assert api.services.landing.land(store.get(job.job_id))
    assert api.row(job.influencer_id)["status"] == "ready"
    kept = json.loads(stored(api, JobRow).record)["result"]
    assert kept["addedLater"] == {"by": "a newer worker"}
    assert kept == result


def test_a_change_keeps_the_fields_of_a_persona_that_are_not_known(api: Api, store: JobStore) -> None:
    source = api.source(ageRange="25-34", personality={"tone": "upbeat", "humor": "dry"})
    document = json.loads(stored(api, InfluencerRow).document)
    document["scent"] = "lemon"
    document["personality"]["pace"] = "slow"
    write_row(api, InfluencerRow, document=json.dumps(document))

    patch = {"name": "Nova 2", "ageRange": None, "personality": {"humor": None}}
    changed = api.call("PATCH", f"/v1/influencers/{source}", patch)
    assert changed.status_code == 200, changed.text
    kept = json.loads(stored(api, InfluencerRow).document)
    assert (kept["name"], kept["scent"]) == ("Nova 2", "lemon")
    assert kept["personality"] == {"tone": "upbeat", "pace": "slow"}
    assert "ageRange" not in kept
    # Messages are read strictly.
    job = message_of(store, api.clone(source)["jobId"])
    assert "scent" not in job.to_json()


def test_a_job_that_a_newer_api_recorded_lands_and_is_submitted(api: Api, store: JobStore) -> None:
    started = api.clone(api.source())
    message = json.loads(stored(api, JobRow).message) | {"addedLater": 1}
    write_row(api, JobRow, message=json.dumps(message))
    job = message_of(store, started["jobId"])
    # Redis lost it.
    store._redis.delete(store._job_key(job.job_id), store._events_key(job.job_id))
    api.services.landing.submit(job.job_id)
    sent = store._redis.hget(store._job_key(job.job_id), "message")
    assert json.loads(str(sent))["addedLater"] == 1

    newer = CloneJob.read(sent)
    store.complete(begin(store, newer), result_of(newer))
    assert api.services.landing.land(store.get(job.job_id))
    assert api.row(job.influencer_id)["status"] == "ready"
