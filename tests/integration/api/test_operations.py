"""The operators' calls: the queue by tier, workers, dead letters and webhooks of all organisations."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from redis import Redis

from api.app import make_app
from api.rows.keys import SCOPES, create_key
from api.settings import ApiSettings
from models.errors import InvalidInput
from models.operations import WorkerState
from models.record import JobError
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, message_of
from tests.support.deliveries import job_for
from tests.support.jobs.stored import ERROR, claimed, make_job, result_of
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.fleet.backlog import BacklogReader
from worker.queue.fleet.presence import Presence
from worker.queue.jobs import JobStore
from worker.webhooks.outbox import Outbox, Outcome

READS = ("queue", "workers", "dead-letters", "webhooks")
# Their work needs no row of any database.
ON_ONE_DATABASE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


def read(operator: Api, what: str) -> Any:
    answer = operator.call("GET", f"/v1/operations/{what}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def look_again(api: Api, settings: Settings) -> None:
    """Forgets what was read within the last two seconds."""
    api.app.state.services = replace(api.services, backlog=BacklogReader(settings))


@ON_ONE_DATABASE
def test_a_key_of_before_and_one_of_every_other_scope_see_nothing(app: FastAPI, api: Api) -> None:
    others = tuple(set(SCOPES) - {"operate"})
    for key in (api, Api(app, create_key(app.state.services.database, "acme", others).secret)):
        assert "operate" not in key.call("GET", "/v1/me").json()["scopes"]
        for what in READS:
            error = error_of(key.call("GET", f"/v1/operations/{what}"), 403, "FORBIDDEN_SCOPE")
            assert error["details"] == {"scope": "operate"}


@ON_ONE_DATABASE
def test_an_operators_key_reads_no_more_of_an_organisation_than_its_own(operator: Api, api: Api) -> None:
    assert operator.call("GET", f"/v1/influencers/{api.source()}").status_code == 404


@ON_ONE_DATABASE
def test_the_queue_is_counted_by_tier(settings: Settings, api_settings: ApiSettings) -> None:
    tiered = settings.model_copy(update={"tiers": {"gold": ("project-1",)}, "project_limit": 2})
    app = make_app(tiered, api_settings)
    operator = Api(app, create_key(app.state.services.database, "operators", SCOPES).secret)
    nothing = {"waiting": 0, "parked": 0, "held": 0, "oldestWaitingSeconds": 0.0}
    expected = [{"tier": "gold"} | nothing, {"tier": "default"} | nothing]
    assert read(operator, "queue") == {"tiers": expected}

    client, store = JobClient(tiered), JobStore(tiered)
    jobs = [make_job(), make_job(), make_job()]
    for job in jobs:
        client.submit(job)
    claimed(store, jobs[0])
    look_again(operator, tiered)
    gold, default = read(operator, "queue")["tiers"]
    # Its message stays on the queue: no worker took it from there.
    assert {name: gold[name] for name in ("waiting", "parked", "held")} == {
        "waiting": 2,
        "parked": 1,
        "held": 1,
    }
    assert 0 < gold["oldestWaitingSeconds"] < 60
    assert default == expected[1]
    app.state.services.database.close()


@ON_ONE_DATABASE
def test_the_oldest_counts_from_when_its_message_was_sent(
    operator: Api, api: Api, settings: Settings, redis_client: Redis
) -> None:
    client = JobClient(settings)
    jobs = [make_job(), make_job()]
    for job in jobs:
        client.submit(job)
    first = f"{settings.redis_prefix}:job:{jobs[0].job_id}"
    sent_at = int(str(redis_client.hget(first, "sent_at")))
    redis_client.hset(first, "sent_at", sent_at - 100_000)
    (tier,) = read(operator, "queue")["tiers"]
    assert 100 <= tier["oldestWaitingSeconds"] < 160
    # One that is over by now is no reason to worry, nor is what is no job at all.
    client.cancel(jobs[0].job_id)
    redis_client.rpush(settings.queue, b"\xff\xfe no job", '{"headers": [1]}', "[]")
    look_again(operator, settings)
    (tier,) = read(operator, "queue")["tiers"]
    assert 0 < tier["oldestWaitingSeconds"] < 60
    assert tier["waiting"] == 5


@ON_ONE_DATABASE
def test_jobs_that_wait_for_their_next_attempt_are_waiting(operator: Api, settings: Settings) -> None:
    store, job = JobStore(settings), make_job()
    store.release(claimed(store, job), "STORAGE_REFUSED", delay=60, error=ERROR)
    (tier,) = read(operator, "queue")["tiers"]
    assert (tier["waiting"], tier["held"], tier["oldestWaitingSeconds"]) == (1, 0, 0)


@ON_ONE_DATABASE
def test_workers_are_listed_with_what_they_hold(operator: Api, settings: Settings) -> None:
    store, presence = JobStore(settings), Presence(settings)
    assert read(operator, "workers") == {"items": []}
    worker = WorkerState(
        worker="wrk_1", node="here:1", profile="embedded", device="cpu", version="1", ready=True
    )
    presence.announce(worker)
    job, lost = make_job(), make_job()
    assert store.claim(job, "here:1", None, "wrk_1").lease
    assert store.claim(lost, "gone:7", None, "wrk_7").lease
    look_again(operator, settings)
    silent, live = read(operator, "workers")["items"]
    (held,) = live.pop("jobs")
    assert held["jobId"] == job.job_id
    assert held["since"]
    told = worker.to_data()
    del told["jobs"]
    assert live == told
    assert (silent["node"], silent["ready"], silent["reasons"]) == ("gone:7", False, ["it is silent"])
    assert [job["jobId"] for job in silent["jobs"]] == [lost.job_id]


@ON_ONE_DATABASE
def test_dead_letters_are_listed_without_their_messages(operator: Api, api: Api, store: JobStore) -> None:
    source = api.source()
    jobs = [
        api.call("POST", f"/v1/influencers/{source}/clone", {"name": "N"}).json()["jobId"] for _ in range(3)
    ]
    error = JobError(code="RENDER_FAILED", message="No.", retryable=True, details={"evidence": ["secret"]})
    for job in jobs:
        store.fail(begin(store, message_of(store, job)), error)
    store.refuse({"url": "https://s3.example/a?X-Amz-Signature=secret"}, InvalidInput("No."))
    told = read(operator, "dead-letters")
    assert told["nextCursor"] is None
    refused, *failed = told["items"]
    assert (refused["canRetry"], "jobId" in refused) == (False, False)
    assert [letter["letterId"] for letter in failed] == jobs[::-1]
    assert {letter["organisation"] for letter in failed} == {"acme"}
    assert all(letter["canRetry"] for letter in failed)
    assert "secret" not in json.dumps(told)
    assert "images.example" not in json.dumps(told), "references have URLs"

    # By pages, though one is dropped in between.
    first = read(operator, "dead-letters?limit=2")
    assert first["items"] == told["items"][:2]
    dropped = first["items"][1]["letterId"]
    assert operator.call("DELETE", f"/v1/operations/dead-letters/{dropped}").status_code == 204
    error_of(operator.call("DELETE", f"/v1/operations/dead-letters/{dropped}"), 404, "NOT_FOUND")
    rest = read(operator, f"dead-letters?limit=2&cursor={first['nextCursor']}")
    assert (rest["items"], rest["nextCursor"]) == (told["items"][2:], None)

    assert read(operator, "dead-letters?code=VALIDATION")["items"] == [refused]
    error_of(operator.call("GET", "/v1/operations/dead-letters?cursor=x"), 422, "VALIDATION")


@ON_ONE_DATABASE
def test_a_page_of_few_that_are_wanted_says_that_more_may_follow(
    operator: Api, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.pages._MOST_LOOKED_AT", 3)
    for number in range(5):
        store.refuse(f"{number}", InvalidInput("No."))
    first = read(operator, "dead-letters?code=OTHER")
    assert first["items"] == []
    assert read(operator, f"dead-letters?code=OTHER&cursor={first['nextCursor']}") == {
        "items": [],
        "nextCursor": None,
    }


def test_a_letter_that_is_retried_becomes_one_job_of_its_own_organisation(
    operator: Api, api: Api, store: JobStore, logged: list[Any]
) -> None:
    job = api.call("POST", f"/v1/influencers/{api.source()}/clone", {"name": "N"}).json()
    store.fail(begin(store, message_of(store, job["jobId"])), ERROR)
    api.services.landing.sweep()
    path = f"/v1/operations/dead-letters/{job['jobId']}/retry"
    answers = [operator.call("POST", path) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    (new,) = {answer.json()["jobId"] for answer in answers}
    assert read(operator, "dead-letters")["items"][0]["retriedAs"] == new
    assert {event["jobId"] for event in logged if event["event"] == "operator.retried"} == {new}
    assert {event["keyId"][:4] for event in logged if event["event"] == "operator.retried"} == {"key_"}
    api.services.landing.sweep()
    assert api.call("GET", f"/v1/jobs/{new}").json()["status"] == "running"
    assert operator.call("GET", f"/v1/jobs/{new}").status_code == 404
    assert api.row(job["influencerId"])["status"] == "pending"

    store.refuse("no job", InvalidInput("No."))
    (letter, *_) = read(operator, "dead-letters")["items"]
    refused = operator.call("POST", f"/v1/operations/dead-letters/{letter['letterId']}/retry")
    error_of(refused, 422, "VALIDATION")


@ON_ONE_DATABASE
def test_webhooks_are_listed_and_replayed(operator: Api, settings: Settings) -> None:
    store = JobStore(settings)
    jobs = [job_for(f"https://{name}.example/hook?token=sesame") for name in ("a", "b", "c")]
    for job in jobs:
        store.complete(claimed(store, job), result_of(job))
    outbox = Outbox(settings)
    for tried in outbox.take(2):
        outbox.note(tried, Outcome("failed", "503"))
    told = read(operator, "webhooks")
    assert [one["state"] for one in told["items"]] == ["pending", "failed", "failed"]
    assert "sesame" not in json.dumps(told)
    pages: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = read(operator, f"webhooks?limit=1{cursor and '&cursor='}{cursor}")
        pages += page["items"]
        cursor = page["nextCursor"]
    assert pages == told["items"]
    failed = read(operator, "webhooks?state=failed")["items"]
    assert failed == told["items"][1:]

    webhook = failed[0]["webhookId"]
    answer = operator.call("POST", f"/v1/operations/webhooks/{webhook}/replay")
    assert answer.status_code == 202
    assert [(one["webhookId"], one["state"], one["tries"]) for one in answer.json()["items"]] == [
        (webhook, "pending", 0)
    ]
    assert len(read(operator, "webhooks?state=pending")["items"]) == 2
    error_of(operator.call("POST", "/v1/operations/webhooks/evt_nope/replay"), 404, "NOT_FOUND")
