"""The client's documents and its double, compared with the OpenAPI document."""

import inspect
import re
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from likeness_client import Client, documents
from likeness_client.testing import FakeApi
from pydantic.alias_generators import to_camel

from tests.support.generators.tools import present_document

SCHEMAS = {
    "Provenance": "Inspection",
    "Failure": "JobFailure",
    "Influencer": "StoredInfluencer",
    "Job": "JobRecord",
    "Event": "JobEvent",
}
"""The schemas that have another name than the client's document."""


@pytest.fixture(scope="module")
def document() -> Any:
    return present_document()


def test_the_documents_fields_are_the_apis(document: Any) -> None:
    found = {name: kind for name, kind in vars(documents).items() if hasattr(kind, "__required_keys__")}
    for name, kind in found.items():
        schema = document["components"]["schemas"][SCHEMAS.get(name, name)]
        required = set(schema.get("required", ()))
        assert kind.__required_keys__ <= required, name
        optional = set(schema["properties"]) - required
        assert kind.__optional_keys__ <= optional, name
    assert len(found) > 15


@pytest.mark.parametrize(
    ("method", "schema"),
    [
        (Client.clone, "StartClone"),
        (Client.render, "RenderReferences"),
        (Client.create_project, "CreateProject"),
    ],
)
def test_a_body_s_fields_are_arguments(method: Any, schema: str, document: Any) -> None:
    fields = document["components"]["schemas"][schema]["properties"]
    arguments = {to_camel(name) for name in inspect.signature(method).parameters}
    assert arguments - {"self", "influencerId", "idempotencyKey"} == set(fields)


def test_the_filters_of_jobs_are_arguments(document: Any) -> None:
    filters = {
        one["name"] for one in document["paths"]["/v1/jobs"]["get"]["parameters"] if one["in"] == "query"
    }
    arguments = {to_camel(name) for name in inspect.signature(Client.jobs).parameters}
    assert arguments - {"self", "results"} == filters - {"cursor", "limit", "include"}


class Checked(httpx2.BaseTransport):
    """The double, with each of its answers held against the document."""

    def __init__(self, api: FakeApi, document: Any) -> None:
        self._api = api
        self._document = document
        self.calls: set[str] = set()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._api.handle_request(request)
        if request.url.host == "likeness":
            self._check(request, answer)
        return answer

    def _check(self, request: httpx2.Request, answer: httpx2.Response) -> None:
        path, call = self._call_of(request)
        self.calls.add(f"{request.method} {path}")
        if answer.status_code < 400:
            content = call["responses"][str(answer.status_code)].get("content", {})
            if "application/json" in content:
                self._require(content["application/json"]["schema"], answer.json())
            elif "text/event-stream" in content:
                for data in re.findall("^data: (.*)", answer.text, re.MULTILINE):
                    self._require(
                        {"$ref": "#/components/schemas/JobEvent"}, httpx2.Response(200, text=data).json()
                    )

    def _call_of(self, request: httpx2.Request) -> tuple[str, Any]:
        for path, calls in self._document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path):
                return path, calls[request.method.lower()]
        raise AssertionError(request.url)

    def _require(self, schema: Any, document: Any) -> None:
        whole = schema | {"components": self._document["components"]}
        errors = [error.message for error in Draft202012Validator(whole).iter_errors(document)]
        assert not errors, (errors, document)


class Noting:
    """A client whose used methods are noted."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.used: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.used.add(name)
        return getattr(self._client, name)


def test_the_double_answers_every_call_of_the_client_as_the_api_does(document: Any) -> None:
    api = FakeApi()
    checked = Checked(api, document)
    with Client("http://likeness", "lk_test", transport=checked) as client:
        likeness = Noting(client)
        assert likeness.me()["organisation"] == "test"
        project = use_projects(api, likeness)
        use_jobs(api, likeness, use_personas(likeness, project))
        secret = likeness.create_webhook_secret()
        assert [one["secretId"] for one in likeness.webhook_secrets()] == [secret["secretId"]]
        likeness.delete_webhook_secret(secret["secretId"])
        public = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if name[0] != "_"}
    assert public - likeness.used == {"call", "close", "pages"}
    assert len(checked.calls) > 25


def use_projects(api: FakeApi, likeness: Any) -> str:
    project = likeness.create_project("Spring", voice="warm")["projectId"]
    assert [one["projectId"] for one in likeness.projects()] == [project]
    small = likeness.upload(project, b"\x89PNG small")["assetId"]
    large = likeness.upload(project, b"\x89PNG" + bytes(2**20))["assetId"]
    assert likeness.picture(small) == b"\x89PNG small"
    assert likeness.asset(small)["projectId"] == project
    assert len(likeness.picture(large, thumbnail=True)) == 2**20 + 4
    api.provenance = {"verdict": "valid"}
    assert likeness.provenance(small)["verdict"] == "valid"
    linked = likeness.add_media(project, "https://images.example/maya.png")["assetId"]
    assert [one["assetId"] for one in likeness.media(project)] == [linked, large, small]
    return str(project)


def use_personas(likeness: Any, project: str) -> str:
    assets = [one["assetId"] for one in likeness.media(project)]
    maya = likeness.create(project, "Maya", references=assets[:1], gender="female", ageRange="25-34")
    maya_id = str(maya["influencerId"])
    likeness.patch(maya_id, name="Maya Renamed", ageRange=None, personality={"tone": "dry"})
    row = likeness.influencer(maya_id)
    assert (row["gender"], row["name"], row.get("ageRange")) == ("female", "Maya Renamed", None)
    assert len(likeness.bind(maya_id, assets[1:])) == 3
    likeness.set_primary(project, maya_id)
    selected = likeness.select(project, text="A post")
    assert selected["influencerId"] == maya_id
    assert likeness.selection(project, selected["selectionId"]) == selected
    assert len(list(likeness.influencers(project))) == 2
    return maya_id


def use_jobs(api: FakeApi, likeness: Any, source: str) -> None:
    job = likeness.clone(source, "Maya B", overrides={"hairColor": "red"}, shots=("front", "smile"))
    (clone,) = likeness.clones(source)
    assert (clone["hairColor"], clone["gender"], clone["job"]["jobId"]) == ("red", "female", job["jobId"])
    api.happen(job["jobId"], "job.started", stage="rendering", attempt=1)
    assert likeness.preview(job["jobId"], "front") is None
    api.previews[job["jobId"], "front"] = b"RIFF"
    assert likeness.preview(job["jobId"], "front") == b"RIFF"
    api.finish(job["jobId"], "completed")
    assert [one["type"] for one in likeness.follow(job["jobId"])] == [
        "job.submitted",
        "job.started",
        "job.completed",
    ]
    record = likeness.wait(job["jobId"])
    assert [image["shot"] for image in record["result"]["images"]] == ["front", "smile"]
    assert likeness.picture(record["result"]["images"][0]["assetId"]).startswith(b"\x89PNG")
    assert "result" not in next(iter(likeness.jobs(status="completed")))
    assert "result" in next(iter(likeness.jobs(influencer_id=job["influencerId"], results=True)))

    draft = likeness.create(likeness.influencer(source)["projectId"], "Nova")["influencerId"]
    first = likeness.render(draft, shots=["front"])["jobId"]
    api.finish(first, "failed", error={"code": "LIKENESS_NOT_REACHED"})
    assert likeness.influencer(draft)["job"]["error"]["code"] == "LIKENESS_NOT_REACHED"
    again = likeness.retry(first)["jobId"]
    assert [one["jobId"] for one in likeness.jobs(kind="influencer_create")][:2] == [again, first]
    assert likeness.job(again)["status"] == "running"
    assert likeness.cancel(again)["accepted"]
    likeness.delete(draft)
    assert likeness.delete(draft, images=True) == "deleted"
