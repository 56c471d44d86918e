"""Jobs: the envelope, ETag, lists, cancel and events."""

import json
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from api.rows.keys import KnownKeys
from models.errors import QueueUnavailable
from models.record import JobError
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, message_of, on_a_port, result_of
from tests.support.api.statements import statements
from worker.queue.jobs import JobStore


@pytest.fixture
def job_id(api: Api) -> str:
    source = api.source()
    return str(api.call("POST", f"/v1/influencers/{source}/clone", {"name": "B"}).json()["jobId"])


def events_of(text: str) -> list[dict[str, Any]]:
    events = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        event = json.loads(fields["data"])
        assert (fields["id"], fields["event"]) == (str(event["sequence"]), event["type"])
        events.append(event)
    return events


def test_the_envelope_and_its_etag(api: Api, store: JobStore, job_id: str) -> None:
    path = f"/v1/jobs/{job_id}"
    queued = api.call("GET", path)
    assert queued.status_code == 200
    shown = queued.json()
    assert shown["kind"] == "influencer_clone"
    assert (shown["status"], shown["stage"], shown["progress"]) == ("running", "queued", 0)
    assert shown["locationUrl"] == path
    asked = shown["asked"]
    assert (asked["name"], asked["shots"]) == ("B", list(message_of(store, job_id).shots))
    assert asked["sourceInfluencerId"] == message_of(store, job_id).source.influencer_id
    etag = queued.headers["etag"]
    for tag in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        same = api.call("GET", path, if_none_match=tag)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert api.call("GET", path, if_none_match='"x"').status_code == 200

    job = message_of(store, job_id)
    lease = begin(store, job)
    store.update(lease, "job.progress", stage="rendering", progress=0.42)
    moved = api.call("GET", path, if_none_match=etag)
    assert (moved.status_code, moved.json()["progress"]) == (200, 0.42)
    assert "startedAt" in moved.json()
    store.complete(lease, result_of(job))
    done = api.call("GET", path).json()
    assert (done["status"], done["progress"]) == ("completed", 1)
    assert done["result"]["influencer"]["influencerId"] == job.influencer_id
    assert "finishedAt" in done
    # Who reads that a job is completed finds the row ready.
    assert api.row(job.influencer_id)["status"] == "ready"


def test_polls_of_a_running_job_need_no_database_and_are_read_together(
    api: Api, store: JobStore, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/jobs/{job_id}"
    lease = begin(store, message_of(store, job_id))
    # A second doesn't end here, so the key is known.
    keys = KnownKeys(api.services.database, lambda: 0.0)
    api.app.state.services = replace(api.services, keys=keys)
    api.call("GET", path)
    read: list[Any] = []
    records = api.services.store.records

    def noted(job_ids: Any) -> Any:
        read.append(job_ids)
        return records(job_ids)

    monkeypatch.setattr(api.services.store, "records", noted)
    with statements(api) as made:
        answers = api.at_once(50, "GET", path, None)
    assert {answer.status_code for answer in answers} == {200}
    assert made == []
    assert len(read) < 10
    # What was read for one isn't kept for the next.
    store.update(lease, "job.progress", stage="rendering", progress=0.42)
    assert api.call("GET", path).json()["progress"] == 0.42

    def refuse(_: Any) -> None:
        raise QueueUnavailable("Redis does not answer.")

    monkeypatch.setattr(api.services.store, "records", refuse)
    for answer in api.at_once(5, "GET", path, None):
        error_of(answer, 503, "QUEUE_UNAVAILABLE")
    monkeypatch.setattr(api.services.store, "records", records)
    store._redis.delete(store._job_key(job_id))
    assert api.call("GET", path).json()["stage"] == "queued"


def test_a_final_job_outlives_its_record_in_redis(api: Api, store: JobStore, job_id: str) -> None:
    job = message_of(store, job_id)
    store.fail(begin(store, job), JobError(code="RENDER_FAILED", message="It broke."))
    shown = api.call("GET", f"/v1/jobs/{job_id}")
    assert shown.json()["error"] == {
        "code": "RENDER_FAILED",
        "message": "It broke.",
        "retryable": False,
        "details": {},
    }
    store._redis.delete(store._job_key(job_id), store._events_key(job_id))
    again = api.call("GET", f"/v1/jobs/{job_id}")
    assert (again.json(), again.headers["etag"]) == (shown.json(), shown.headers["etag"])
    assert api.call("GET", "/v1/jobs?include=result").json()["items"] == [shown.json()]
    canceled = api.call("POST", f"/v1/jobs/{job_id}/cancel")
    assert (canceled.status_code, canceled.json()["reason"]) == (200, "ALREADY_FAILED")
    (event,) = events_of(api.call("GET", f"/v1/jobs/{job_id}/events").text)
    assert (event["type"], event["error"]["code"]) == ("job.failed", "RENDER_FAILED")


def test_jobs_are_listed_latest_first(api: Api) -> None:
    source = api.source()
    made = [
        api.call("POST", f"/v1/influencers/{source}/clone", {"name": "B"}).json()["jobId"] for _ in range(3)
    ]
    first = api.call("GET", "/v1/jobs?limit=2").json()
    second = api.call("GET", f"/v1/jobs?limit=2&cursor={first['nextCursor']}").json()
    assert sorted(job["jobId"] for job in first["items"] + second["items"]) == sorted(made)
    assert first["items"][0]["submittedAt"] >= second["items"][0]["submittedAt"]
    assert second["nextCursor"] is None


def test_a_job_that_is_listed_as_completed_has_landed(api: Api, store: JobStore, job_id: str) -> None:
    job = message_of(store, job_id)
    store.complete(begin(store, job), result_of(job))
    (listed,) = api.call("GET", "/v1/jobs").json()["items"]
    assert listed["status"] == "completed"
    assert api.row(job.influencer_id)["status"] == "ready"


def test_cancel_is_accepted_until_it_is_too_late(api: Api, store: JobStore, job_id: str) -> None:
    path = f"/v1/jobs/{job_id}/cancel"
    job = message_of(store, job_id)
    lease = begin(store, job)
    for key in ({}, {"idempotency_key": "k"}, {"idempotency_key": "k"}):
        answer = api.call("POST", path, **key)
        assert (answer.status_code, answer.json()) == (202, {"jobId": job_id, "accepted": True})
    store.end_canceled(lease)
    answer = api.call("POST", path)
    assert answer.status_code == 200
    assert answer.json() == {"jobId": job_id, "accepted": False, "reason": "ALREADY_CANCELED"}
    # The key's answer was another one.
    assert api.call("POST", path, idempotency_key="k").status_code == 202
    assert api.call("GET", f"/v1/jobs/{job_id}").json()["status"] == "canceled"
    assert api.row(job.influencer_id)["status"] == "failed"


def test_cancel_at_a_stage_that_can_not_be_undone(api: Api, store: JobStore, job_id: str) -> None:
    job = message_of(store, job_id)
    lease = begin(store, job)
    store.update(lease, "job.stage", stage="finishing")
    error = error_of(api.call("POST", f"/v1/jobs/{job_id}/cancel"), 409, "CONFLICT")
    assert error["details"]["subcode"] == "JOB_CANCEL_UNAVAILABLE"
    store.complete(lease, result_of(job))
    answer = api.call("POST", f"/v1/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["reason"]) == (200, "ALREADY_COMPLETED")
    # Who is told so finds the row ready.
    assert api.row(job.influencer_id)["status"] == "ready"


def test_events_from_any_place_to_the_end(api: Api, store: JobStore, job_id: str) -> None:
    path = f"/v1/jobs/{job_id}/events"
    job = message_of(store, job_id)
    store.complete(begin(store, job), result_of(job))
    told = api.call("GET", path)
    assert told.headers["content-type"].startswith("text/event-stream")
    events = events_of(told.text)
    assert [event["type"] for event in events] == ["job.submitted", "job.started", "job.completed"]
    assert api.row(job.influencer_id)["status"] == "ready"
    assert events_of(api.call("GET", path, last_event_id="2").text) == events[2:]
    assert api.call("GET", path, last_event_id="3").status_code == 204


def test_events_are_told_when_they_happen(
    app: FastAPI, api: Api, store: JobStore, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.following._LOOK", 0.02)
    monkeypatch.setattr("api.http.following._ALIVE", 0.04)
    job = message_of(store, job_id)
    key = {"Authorization": f"Bearer {api.secret}"}
    with (
        on_a_port(app) as port,
        httpx2.stream(
            "GET", f"http://127.0.0.1:{port}/v1/jobs/{job_id}/events", headers=key, timeout=60
        ) as told,
    ):
        lines = told.iter_lines()
        # Each is read before the next one is there. A sign of life may come even before the first.
        assert next(line for line in lines if line.startswith("id:")) == "id: 1"
        lease = begin(store, job)
        assert next(line for line in lines if line.startswith("id:")) == "id: 2"
        assert next(line for line in lines if line.startswith(":")) == ": still here"
        store.complete(lease, result_of(job))
        assert next(line for line in lines if line.startswith("event:")) == "event: job.completed"
        # It is the end.
        assert [line[:5] for line in lines if line] == ["data:"]


def failed(store: JobStore, job_id: str) -> None:
    store.fail(begin(store, message_of(store, job_id)), JobError(code="RENDER_FAILED", message="No."))


def test_a_job_that_failed_is_retried_once_as_another(api: Api, store: JobStore, job_id: str) -> None:
    error_of(api.call("POST", f"/v1/jobs/{job_id}/retry"), 409, "CONFLICT")
    failed(store, job_id)
    first = message_of(store, job_id)
    answer = api.call("POST", f"/v1/jobs/{job_id}/retry", idempotency_key="again")
    assert answer.status_code == 202, answer.text
    again = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{again['jobId']}"
    assert again["jobId"] != job_id
    assert api.row(again["influencerId"])["status"] == "pending"
    assert api.call("POST", f"/v1/jobs/{job_id}/retry", idempotency_key="again").json() == again
    error_of(api.call("POST", f"/v1/jobs/{job_id}/retry"), 409, "CONFLICT")
    job = message_of(store, again["jobId"])
    assert job.to_data() | {"jobId": job_id} == first.to_data()
    store.complete(begin(store, job), result_of(job))
    api.services.landing.sweep()
    assert api.row(job.influencer_id)["status"] == "ready"
    error = error_of(api.call("POST", f"/v1/jobs/{job_id}/retry"), 409, "CONFLICT")
    assert error["details"]["subcode"] == "NOTHING_TO_RETRY"


def test_a_persona_that_is_deleted_takes_its_job_along(api: Api, store: JobStore, job_id: str) -> None:
    job = message_of(store, job_id)
    bystander = api.call("POST", f"/v1/influencers/{api.source()}/clone", {"name": "C"}).json()["jobId"]
    assert api.call("DELETE", f"/v1/influencers/{job.influencer_id}").status_code == 200
    api.services.landing.sweep()
    assert api.call("GET", f"/v1/jobs/{job_id}").json()["status"] == "canceled"
    assert api.call("GET", f"/v1/jobs/{bystander}").json()["status"] == "running"


def test_a_caller_may_wait_for_the_end(app: FastAPI, api: Api, store: JobStore, job_id: str) -> None:
    job = message_of(store, job_id)
    lease = begin(store, job)
    headers = {"Authorization": f"Bearer {api.secret}", "Prefer": "respond-async, wait=50"}
    with (
        on_a_port(app) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(client.get, f"/v1/jobs/{job_id}")
        # It is still under way after that.
        assert wait([waiting], timeout=1).not_done
        store.complete(lease, result_of(job))
        answer = waiting.result()
        assert (answer.json()["status"], answer.headers["preference-applied"]) == ("completed", "wait=50")
        assert client.get(f"/v1/jobs/{job_id}").json()["status"] == "completed", "at once"


@pytest.mark.parametrize("prefer", ["wait=0", "wait=", "wait=-1", "wait=x", "return=minimal", "wait"])
def test_what_is_no_wish_to_wait_is_ignored(prefer: str, api: Api, job_id: str) -> None:
    answer = api.call("GET", f"/v1/jobs/{job_id}", prefer=prefer)
    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    assert "preference-applied" not in answer.headers


def test_waiting_ends_with_its_time(api: Api, job_id: str) -> None:
    answer = api.call("GET", f"/v1/jobs/{job_id}", prefer="wait=1")
    assert (answer.json()["status"], answer.headers["preference-applied"]) == ("running", "wait=1")
