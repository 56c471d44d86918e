"""The OpenAPI document says what the calls do."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from api.http.rates import Rates
from tests.support.api.calls import CALLS, documented, error_of
from tests.support.api.client import Api
from worker.queue.jobs import JobStore

DOCS = Path(__file__).parents[3] / "docs" / "api.md"


@pytest.fixture
def document(api: Api) -> Any:
    return api.call("GET", "/openapi.json").json()


def test_it_lists_the_calls_with_scopes_and_errors(api: Api, document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    for method, path, body, scope in CALLS:
        call = document["paths"][documented(path)][method.lower()]
        assert call["security"] == [{"key": [scope] if scope else []}]
        assert {"401", "404", "500"} <= set(call["responses"])
        assert body is None or "requestBody" in call
    assert api.call("GET", "/docs").status_code == 200


def test_the_table_in_the_documentation_has_every_call_and_its_scope(document: Any) -> None:
    (table,) = re.findall(r"^\| call \| scope \| \|\n\|-.*\n((?:\|.*\n)+)", DOCS.read_text(), re.MULTILINE)
    written = []
    for row in table.splitlines():
        _, calls, scope, *_ = row.split("|")
        written += [(*call, scope.strip(" `")) for call in re.findall(r"`([A-Z]+) (/\S+)`", calls)]
    there = [
        (method.upper(), _documented(path), *(call["security"][0]["key"] or ["any key"]))
        for path, calls in document["paths"].items()
        for method, call in calls.items()
    ]
    assert sorted(written) == sorted(there)


def _documented(path: str) -> str:
    """A path as the documentation writes it: below `/v1`, with parameters in camelCase."""
    return re.sub(r"\{(\w+)\}", lambda found: f"{{{to_camel(found[1])}}}", path.removeprefix("/v1"))


def test_its_references_lead_somewhere(document: Any) -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            mine = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return mine + [found for value in part.values() for found in references(value)]
        return [found for value in part for found in references(value)] if isinstance(part, list) else []

    found = set(references(document))
    assert "#/components/schemas/StartClone" in found
    for reference in found:
        there = document
        for step in reference.removeprefix("#/").split("/"):
            there = there[step]


def test_no_schema_has_a_default(document: Any) -> None:
    """A generated client would send one where leaving out keeps a value, and call a field of an answer required
    that is left out where it is null."""
    schemas = document["components"]["schemas"]
    defaults = [
        (name, field)
        for name, schema in schemas.items()
        for field, value in schema.get("properties", {}).items()
        if "default" in value
    ]
    assert defaults == []
    record = schemas["JobRecord"]
    assert {"attempts", "kind", "referenceNotes"} <= set(record["required"])
    assert not {"result", "error", "startedAt"} & set(record["required"])
    assert {"gender", "personality", "referenceImages"} <= set(schemas["Influencer"]["required"])
    assert schemas["StartClone"]["required"] == ["name"]


def test_errors_have_a_code_an_example_and_their_headers(api: Api, document: Any) -> None:
    said = document["components"]
    codes = said["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["enum"]
    found: list[str] = []
    for name, response in said["responses"].items():
        error = response["content"]["application/json"]["example"]["error"]
        assert list(error) == ["code", "message", "requestId", "details"]
        assert error["code"] == name
        found += response["description"].split(" or ")
    assert found == codes
    api.app.state.services = replace(api.services, rates=Rates(0.5, lambda: 0.0))
    api.call("GET", "/v1/jobs")
    for answer, status, name, own in (
        (Api(api.app, "lk_wrong").call("GET", "/v1/jobs"), 401, "UNAUTHENTICATED", "WWW-Authenticate"),
        (api.call("GET", "/v1/jobs"), 429, "RATE_LIMITED", "Retry-After"),
    ):
        error_of(answer, status, name)
        headers = list(said["responses"][name]["headers"])
        counted = ["RateLimit-Policy", "RateLimit"] if status == 429 else []
        assert headers == ["X-Request-Id", *counted, own]
        assert {header.lower() for header in headers} <= set(answer.headers)


def test_it_says_what_an_events_stream_sends(api: Api, store: JobStore, document: Any) -> None:
    path = f"/v1/influencers/{api.source()}/clone"
    job = api.call("POST", path, {"name": "N"}).json()["jobId"]
    store.cancel(job)
    content = document["paths"]["/v1/jobs/{job_id}/events"]["get"]["responses"]["200"]["content"]
    ((media_type, described),) = content.items()
    answer = api.call("GET", f"/v1/jobs/{job}/events")
    assert answer.headers["content-type"].partition(";")[0] == media_type == "text/event-stream"
    event = described["itemSchema"]
    for sent in answer.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in sent.split("\n"))
        assert set(fields) == set(event["required"]) == set(event["properties"])
        assert fields["event"] in event["properties"]["event"]["enum"]
        data = event["properties"]["data"]
        assert data["contentMediaType"] == "application/json"
        name = data["contentSchema"]["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][name]
        assert set(json.loads(fields["data"])) <= set(schema["properties"])
        assert set(schema["required"]) <= set(json.loads(fields["data"]))


def test_its_examples_work(api: Api, document: Any) -> None:
    """In the documents' order: create, bind, clone, patch, delete."""
    examples = {
        (method, path): call["requestBody"]["content"]["application/json"]["example"]
        for path, calls in document["paths"].items()
        for method, call in calls.items()
        if "requestBody" in call
    }
    ids = {"project_id": api.project()}
    ids["asset"] = api.media(ids["project_id"])

    def run(method: str, path: str, **others: str) -> Any:
        body = examples[method, path]
        if "assetIds" in body:
            body = {"assetIds": [ids["asset"]]}
        if "influencerId" in body:
            body = {"influencerId": ids["influencer_id"]}
        answer = api.call(method.upper(), path.format(**ids | others), body)
        (good, *_) = document["paths"][path][method]["responses"]
        assert str(answer.status_code) == good, answer.text
        return answer.json()

    assert run("post", "/v1/projects")["influencer"]["voiceDescription"] == "warm and playful"
    run("post", "/v1/projects/{project_id}/media")
    run("post", "/v1/projects/{project_id}/media/uploads")
    draft = api.influencer(ids["project_id"])
    run("post", "/v1/influencers/{influencer_id}/reference-images/render", influencer_id=draft)
    ids["influencer_id"] = run("post", "/v1/projects/{project_id}/influencers")["influencerId"]
    run("post", "/v1/influencers/{influencer_id}/reference-images")
    run("post", "/v1/influencers/{influencer_id}/clone")
    run("post", "/v1/projects/{project_id}/content/selection")
    run("put", "/v1/projects/{project_id}/primary-influencer")
    run("patch", "/v1/influencers/{influencer_id}")
    run("delete", "/v1/influencers/{influencer_id}")
