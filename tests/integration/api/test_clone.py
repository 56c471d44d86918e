"""`POST /v1/influencers/{influencerId}/clone`, and what an Idempotency-Key does."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from api.http import answers
from api.rows.tables import AnswerRow, JobRow
from models.errors import QueueUnavailable
from tests.support.api.calls import error_of
from tests.support.api.client import Api, message_of
from tests.support.api.examples import EXAMPLE
from worker.queue.jobs import JobStore


def jobs_of(api: Api) -> int:
    with api.services.database.read() as session:
        return session.scalar(select(func.count()).select_from(JobRow)) or 0


def test_the_contracts_example(api: Api, store: JobStore) -> None:
    source = api.source(personality={"tone": "warm", "humor": "gentle"})
    answer = api.call("POST", f"/v1/influencers/{source}/clone", EXAMPLE)
    assert answer.status_code == 202
    cloned = answer.json()
    assert cloned == {
        "jobId": cloned["jobId"],
        "kind": "influencer_clone",
        "status": "running",
        "influencerId": "inf_01HX9Y6K7EJ4T2NOVAB",
        "locationUrl": f"/v1/jobs/{cloned['jobId']}",
    }
    assert answer.headers["location"] == cloned["locationUrl"]
    row = api.row("inf_01HX9Y6K7EJ4T2NOVAB")
    assert (row["name"], row["status"], row["referenceImages"]) == ("Nova (B variant)", "pending", [])
    assert row["projectId"] == api.row(source)["projectId"]
    job = message_of(store, cloned["jobId"])
    assert [reference.asset_id for reference in job.references] == [
        image["assetId"] for image in api.row(source)["referenceImages"]
    ]
    assert job.overrides.personality.humor == "dry-witty"


def test_all_that_a_job_can_be_asked_for(api: Api, store: JobStore) -> None:
    asked = {
        "name": "B",
        "shots": ["front", "smile"],
        "subject": "any",
        "acceptPartial": True,
        "expiresAt": "2100-01-01T00:00:00.000Z",
        "callbackUrl": "https://hooks.example/likeness?token=sesame",
    }
    answer = api.call("POST", f"/v1/influencers/{api.source()}/clone", asked)
    job = message_of(store, answer.json()["jobId"])
    assert (job.shots, job.subject, job.accept_partial) == (("front", "smile"), "any", True)
    assert job.expires_at == datetime(2100, 1, 1, tzinfo=UTC)
    assert job.callback_url == asked["callbackUrl"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shots", ["no-such-shot"]),
        ("shots", []),
        ("subject", "dog"),
        ("expiresAt", "soon"),
        ("callbackUrl", "hook"),
    ],
)
def test_what_a_job_can_not_be_asked_for(field: str, value: object, api: Api) -> None:
    answer = api.call("POST", f"/v1/influencers/{api.source()}/clone", {"name": "B", field: value})
    (found,) = error_of(answer, 422, "VALIDATION")["details"]["fields"]
    assert found["path"].partition(".")[0] == field
    assert jobs_of(api) == 0


def test_an_answer_that_is_repeated_says_so(api: Api) -> None:
    path = f"/v1/influencers/{api.source()}/clone"
    first, again = (api.call("POST", path, {"name": "B"}, idempotency_key="once") for _ in range(2))
    assert first.json() == again.json()
    assert [answer.headers.get("idempotent-replayed") for answer in (first, again)] == [None, "true"]
    assert first.headers["location"] == again.headers["location"]


def test_what_can_not_be_cloned(api: Api) -> None:
    project = api.project()
    bare = api.influencer(project)
    error = error_of(api.call("POST", f"/v1/influencers/{bare}/clone", {"name": "B"}), 409, "CONFLICT")
    assert error["details"] == {"subcode": "NO_USABLE_REFERENCE"}
    error_of(api.call("POST", "/v1/influencers/inf_nope/clone", {"name": "B"}), 404, "NOT_FOUND")
    source = api.source()
    for taken in (bare, source):
        body = {"name": "B", "newInfluencerId": taken}
        error = error_of(api.call("POST", f"/v1/influencers/{source}/clone", body), 409, "CONFLICT")
        assert "Give another one" in error["message"]
    for overrides, path in (({"name": "C"}, "name"), ({"referenceImages": []}, "referenceImages")):
        answer = api.call("POST", f"/v1/influencers/{source}/clone", {"name": "B", "overrides": overrides})
        (field,) = error_of(answer, 422, "VALIDATION")["details"]["fields"]
        assert field["path"] == f"overrides.{path}"
    assert jobs_of(api) == 0


def test_fifty_at_once_with_one_new_id_are_one_job(api: Api) -> None:
    source = api.source()
    answers = api.at_once(50, "POST", f"/v1/influencers/{source}/clone", EXAMPLE)
    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 49]
    for answer in answers:
        if answer.status_code == 409:
            error_of(answer, 409, "CONFLICT")
    assert jobs_of(api) == 1


def test_fifty_at_once_under_one_key_are_one_job_and_one_answer(api: Api) -> None:
    source = api.source()
    answers = api.at_once(50, "POST", f"/v1/influencers/{source}/clone", {"name": "B"}, idempotency_key="k-1")
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert jobs_of(api) == 1


def test_a_key_replays_its_first_answer_for_a_day(api: Api, stranger: Api) -> None:
    source = api.source()
    path = f"/v1/influencers/{source}/clone"
    first = api.call("POST", path, {"name": "B", "overrides": {"gender": "male"}}, idempotency_key="k")
    same = api.call("POST", path, b'{"overrides":{"gender":"male"} ,"name":"B"}', idempotency_key="k")
    assert (same.status_code, same.content) == (202, first.content)
    error_of(api.call("POST", path, {"name": "C"}, idempotency_key="k"), 409, "IDEMPOTENCY_CONFLICT")
    error_of(
        api.call("POST", "/v1/projects", {"name": "B"}, idempotency_key="k"), 409, "IDEMPOTENCY_CONFLICT"
    )
    assert stranger.call("POST", "/v1/projects", {"name": "B"}, idempotency_key="k").status_code == 201
    assert jobs_of(api) == 1

    with api.services.database.write() as session:
        long_ago = datetime.now(UTC) - answers.KEPT_FOR - timedelta(seconds=1)
        session.execute(update(AnswerRow).values(created_at=long_ago))
    assert api.call("POST", path, {"name": "C"}, idempotency_key="k").status_code == 202
    assert jobs_of(api) == 2


def test_a_key_replays_an_error_word_for_word_too(api: Api) -> None:
    path = "/v1/influencers/inf_nope/clone"
    first, second = (api.call("POST", path, {"name": "B"}, idempotency_key="k") for _ in range(2))
    assert first.status_code == second.status_code == 404
    assert first.content == second.content
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_a_clone_is_promised_while_redis_is_away_and_submitted_later(
    api: Api, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise QueueUnavailable("Redis does not answer.")

    source = api.source()
    with monkeypatch.context() as away:
        away.setattr(api.services.client, "submit", refuse)
        answer = api.call("POST", f"/v1/influencers/{source}/clone", {"name": "B"})
    job_id = answer.json()["jobId"]
    assert answer.status_code == 202
    assert store.records([job_id]) == [None]
    shown = api.call("GET", f"/v1/jobs/{job_id}").json()
    assert (shown["status"], shown["stage"], shown["progress"]) == ("running", "queued", 0)
    api.services.landing.sweep()
    assert store.get(job_id).stage == "queued"
