"""What every call has: keys, scopes, tenants, the error's shape, request ids, a cap on the body."""

import json
import socket
import time
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from api.http.rates import Rates
from api.rows.keys import KNOWN_FOR, SCOPES, KnownKeys, create_key, revoke_key
from api.rows.tables import Base, InfluencerRow
from models.errors import InvalidInput, NotFound
from tests.support.api.calls import CALLS, NOBODYS, error_of
from tests.support.api.client import Api, on_a_port


def test_a_call_needs_its_scope_and_says_so_before_it_looks(app: FastAPI) -> None:
    for method, path, body, scope in CALLS:
        others = tuple(set(SCOPES) - {scope})
        api = Api(app, create_key(app.state.services.database, "acme", others).secret)
        answer = api.call(method, path.format(**NOBODYS), body)
        if scope is None:
            error_of(answer, 404, "NOT_FOUND")
        else:
            error = error_of(answer, 403, "FORBIDDEN_SCOPE")
            assert error["details"] == {"scope": scope}
            assert error["message"].endswith("Use a key that has it.")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer lk_wrong", "Basic YTpi", "Bearer \xfc"])
def test_without_a_key_nothing_is_answered(api: Api, header: str) -> None:
    answer = api.call("GET", "/v1/influencers/inf_1", authorization=header)
    error_of(answer, 401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_key_opens_nothing_after_a_second_and_the_database_has_no_secret(app: FastAPI) -> None:
    database, times = app.state.services.database, [0.0]
    app.state.services = replace(app.state.services, keys=KnownKeys(database, lambda: times[0]))
    key = create_key(database, "acme")
    api = Api(app, key.secret)
    assert api.call("GET", "/v1/jobs").status_code == 200
    with database.read() as session:
        dump = repr([session.execute(table.select()).all() for table in Base.metadata.sorted_tables])
    assert key.key_id in dump
    assert key.secret not in dump
    revoke_key(database, key.key_id)
    times[0] = KNOWN_FOR
    error_of(api.call("GET", "/v1/jobs"), 401, "UNAUTHENTICATED")
    with pytest.raises(NotFound):
        revoke_key(database, "key_nope")
    with pytest.raises(InvalidInput, match="no scope 'all'"):
        create_key(database, "acme", ("all",))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": "N", "colour": "red"}, "colour"),
        ({"name": "N", "personality": {"mood": "gay"}}, "personality.mood"),
        ({"name": ""}, "name"),
        ({"name": " \t\n\u3000"}, "name"),
        ({"name": "n" * 129}, "name"),
        ({}, "name"),
        ({"name": "N", "ageRange": "far too long a range"}, "ageRange"),
        ({"name": "N", "age_range": "25-34"}, "age_range"),
        ({"name": "N", "referenceImages": {"assetIds": []}}, "referenceImages.assetIds"),
        ({"name": "N", "influencerId": "../x"}, "influencerId"),
        (b"", "(document)"),
        (b"[]", "(document)"),
        (b"[" * 5000, "(document)"),
        (b'{"name": "\\ud800"}', "(document)"),
    ],
)
def test_a_body_that_breaks_the_contract_is_told_by_its_path(api: Api, body: Any, path: str) -> None:
    answer = api.call("POST", f"/v1/projects/{api.project()}/influencers", body)
    fields = error_of(answer, 422, "VALIDATION")["details"]["fields"]
    assert path in [field["path"] for field in fields], fields


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/v1/projects", {}, "The request is not valid: name: Field required"),
        (
            "POST",
            "/v1/projects",
            {"name": "  "},
            "The request is not valid: name: a name has more than spaces: give one that people can read",
        ),
        (
            "POST",
            "/v1/influencers/{source}/clone",
            {"name": "B", "shots": ["front", "front"]},
            "The job is not valid: shots: each shot can be asked for once",
        ),
        (
            "PATCH",
            "/v1/influencers/{source}",
            {"name": " "},
            "The request is not valid: name: a name has more than spaces: give one that people can read",
        ),
        (
            "GET",
            "/v1/jobs?since=soon",
            None,
            "The request is not valid: since: give the time as RFC 3339, e.g. 2026-11-24T10:58:00.125Z",
        ),
    ],
)
def test_a_message_names_fields_and_no_class(
    api: Api, method: str, path: str, body: Any, message: str
) -> None:
    answer = api.call(method, path.format(source=api.source()), body)
    error = error_of(answer, 422, "VALIDATION")
    assert error["message"] == message
    (field,) = error["details"]["fields"]
    assert message.endswith(f"{field['path']}: {field['reason']}")


def test_a_name_of_spaces_that_is_there_already_is_read(api: Api) -> None:
    """It was allowed once."""
    influencer = api.source()
    with api.services.database.write() as session:
        row = session.get_one(InfluencerRow, ("acme", influencer))
        row.document = row.document.replace('"Nova"', '"  "')
    assert api.row(influencer)["name"] == "  "
    assert api.call("POST", f"/v1/influencers/{influencer}/clone", {"name": "B"}).status_code == 202


def test_parameters_are_told_by_their_path_too(api: Api) -> None:
    for query, path in (("limit=0", "limit"), ("limit=101", "limit"), ("cursor=%00", "cursor")):
        answer = api.call("GET", f"/v1/jobs?{query}")
        (field,) = error_of(answer, 422, "VALIDATION")["details"]["fields"]
        assert field["path"] == path
    error_of(api.call("GET", "/v1/jobs/job_1/events", last_event_id="x"), 422, "VALIDATION")
    error_of(api.call("POST", "/v1/projects", {"name": "N"}, idempotency_key="a b"), 422, "VALIDATION")


def test_a_body_has_a_cap(api: Api) -> None:
    body = json.dumps({"name": "N", "personality": {"traits": ["x" * 4000] * 300}}).encode()
    answer = api.call("POST", "/v1/projects/p/influencers", body)
    assert error_of(answer, 413, "VALIDATION")["details"]["subcode"] == "BODY_TOO_LARGE"


def test_a_key_that_calls_too_often_is_told_when_to_go_on(api: Api, stranger: Api) -> None:
    times = [0.0]
    rates = Rates(0.5, lambda: times[0])
    api.app.state.services = stranger.app.state.services = replace(api.services, rates=rates)
    assert api.call("GET", "/v1/jobs").status_code == 200
    refused = api.call("GET", "/v1/jobs")
    assert error_of(refused, 429, "RATE_LIMITED")["details"] == {"retryAfter": 2}
    assert refused.headers["retry-after"] == "2"
    assert [refused.headers[name] for name in ("ratelimit", "ratelimit-policy")] == [
        '"key";r=0;t=2',
        '"key";q=1;w=2',
    ]
    assert stranger.call("GET", "/v1/jobs").status_code == 200
    times[0] = 2.0
    assert api.call("GET", "/v1/jobs").status_code == 200


def test_each_answer_says_what_is_left_of_the_keys_rate(api: Api, stranger: Api) -> None:
    times = [0.0]
    api.app.state.services = replace(api.services, rates=Rates(100, lambda: times[0]))

    def left(path: str, key: Api = api) -> str | None:
        answer = key.call("GET", path)
        policy: str | None = answer.headers.get("ratelimit-policy")
        assert policy == (None if path == "/v1/nothing" else '"key";q=100;w=1')
        found: str | None = answer.headers.get("ratelimit")
        return found

    assert left("/v1/jobs") == '"key";r=99;t=1'
    assert left("/v1/jobs/job_nobody") == '"key";r=98;t=1', "an error is a call, too"
    assert left("/v1/jobs?nope=1") == '"key";r=97;t=1'
    assert left("/v1/jobs", stranger) == '"key";r=99;t=1'
    times[0] = 0.01
    assert left("/v1/me") == '"key";r=97;t=1'
    # No key, no rate.
    assert left("/v1/nothing") is None
    for path in ("/live", "/openapi.json"):
        assert "ratelimit" not in api.call("GET", path, authorization="").headers
    assert "ratelimit" not in api.call("GET", "/v1/jobs", authorization="").headers


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/jobs/", "/v1/influencers/%00", "/v1/jobs/a%2Fb"])
def test_no_such_call_or_row(api: Api, path: str) -> None:
    error_of(api.call("GET", path), 404, "NOT_FOUND")
    # Where a call has the path's shape, it has no PUT.
    status = 405 if path.startswith("/v1/influencers/") else 404
    error_of(api.call("PUT", path), status, "NOT_FOUND")


def test_what_nobody_foresaw_is_an_answer_too(
    api: Api, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    monkeypatch.setattr("api.calls.influencers.influencers.project_of", lambda *_: 1 / 0)
    error = error_of(api.call("GET", "/v1/projects/p/influencers"), 500, "INTERNAL")
    assert "division" not in json.dumps(error)
    assert error["requestId"] in [event.get("requestId") for event in logged]


def test_who_leaves_in_the_middle_of_a_body_is_no_error(
    app: FastAPI, api: Api, logged: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    request = f"POST /v1/projects HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {api.secret}\r\n"
    with on_a_port(app) as port, socket.create_connection(("127.0.0.1", port)) as leaving:
        leaving.sendall(f"{request}Content-Length: 99\r\n\r\n{{".encode())
        # The call is counted before its body is read.
        while not api.services.rates._buckets:
            time.sleep(0.01)
    assert logged == []
    assert [entry.getMessage() for entry in caplog.records if entry.levelname == "ERROR"] == []


def test_head_is_answered_as_get_is_without_the_body(app: FastAPI, api: Api) -> None:
    source = api.source()
    job = api.call("POST", f"/v1/influencers/{source}/clone", {"name": "B"}).json()["jobId"]
    key = {"Authorization": f"Bearer {api.secret}"}
    # One connection: what is left of an answer, or still to come, would be in the next one's way.
    with on_a_port(app) as port, closing(HTTPConnection("127.0.0.1", port)) as connection:

        def asked(method: str, path: str, headers: dict[str, str]) -> tuple[int, Any, bytes]:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            assert told.pop("x-request-id").startswith("req_")
            told.pop("date")
            # Less is left each time.
            told.pop("ratelimit", None)
            return answer.status, told, answer.read()

        for path, status in (
            (f"/v1/jobs/{job}", 200),
            ("/v1/jobs", 200),
            (f"/v1/influencers/{source}", 200),
            ("/v1/influencers/inf_nope", 404),
            ("/v1/nothing", 404),
            ("/openapi.json", 200),
        ):
            got, head = (asked(method, path, key) for method in ("GET", "HEAD"))
            assert head == (*got[:2], b""), path
            assert (head[0], int(head[1]["content-length"])) == (status, len(got[2]))
        assert asked("HEAD", "/v1/jobs", {})[0] == 401
        # A stream of a job that still runs.
        status, headers, _ = asked("HEAD", f"/v1/jobs/{job}/events", key)
        assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        assert asked("GET", f"/v1/jobs/{job}", key)[0] == 200


def test_each_call_leaves_a_line_in_the_log(
    api: Api, app: FastAPI, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = api.call("GET", "/v1/jobs?limit=3")
    api.call("GET", "/live")
    anybody = Api(app, "lk_secret")
    anybody.call("HEAD", "/v1/jobs")
    monkeypatch.setattr("api.calls.influencers.influencers.project_of", lambda *_: 1 / 0)
    api.call("GET", "/v1/projects/p/influencers")
    monkeypatch.setattr(api.services.readiness, "reasons", lambda: ["the database is away"])
    api.call("GET", "/ready")
    lines = [line for line in logged if line["event"] == "api.answered"]
    keys = ("method", "path", "status", "log_level")
    assert [tuple(line[key] for key in keys) for line in lines] == [
        ("GET", "/v1/jobs", 200, "info"),
        ("HEAD", "/v1/jobs", 401, "info"),
        ("GET", "/v1/projects/p/influencers", 500, "warning"),
        ("GET", "/ready", 503, "warning"),
    ]
    assert lines[0]["requestId"] == answer.headers["x-request-id"]
    assert lines[0]["keyId"] == api.call("GET", "/v1/me").json()["keyId"]
    assert lines[1]["keyId"] is None
    assert "lk_" not in str([line | {"keyId": None} for line in lines])


def test_whatever_a_call_logs_has_its_requests_id(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def look(*_: object) -> None:
        seen.append(structlog.contextvars.get_contextvars())
        raise NotFound("There is no such project.")

    monkeypatch.setattr("api.calls.influencers.influencers.project_of", look)
    answer = api.call("GET", "/v1/projects/p/influencers")
    assert [context.get("requestId") for context in seen] == [answer.headers["x-request-id"]]
    assert "requestId" not in structlog.contextvars.get_contextvars()
