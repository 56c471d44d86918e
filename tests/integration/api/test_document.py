"""The OpenAPI document against the API: schemathesis draws requests from it, and holds the answers to it.

Half of them are as the document says, half break it in one place. What it can't know, ids that exist, is put in
here: without that, nearly all answers would be 404.
"""

from collections import Counter
from collections.abc import Callable, MutableMapping
from io import BytesIO
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, strategies
from hypothesis import settings as as_told
from hypothesis.strategies import SearchStrategy
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from models.record import JobError
from tests.support.api.client import Api, begin, message_of, result_of
from tests.support.deliveries import job_for
from tests.support.jobs.stored import claimed
from worker.queue.jobs import JobStore
from worker.storage import Storage

# On each of the two databases.
LEAST = 1300
# Endless by design while its job runs, so there is no answer to hold to anything; test_jobs.py has it.
STREAM = "/v1/jobs/{job_id}/events"
CHECKS: list[Callable[..., Any]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


class World:
    """Values that exist, by the name of the parameter or field that takes them."""

    def __init__(self, api: Api, store: JobStore, storage: Storage) -> None:
        source = api.source()
        row = api.row(source)
        jobs = [
            api.call("POST", f"/v1/influencers/{source}/clone", {"name": "N"}).json()["jobId"]
            for _ in range(3)
        ]
        project = f"/v1/projects/{row['projectId']}"
        picture = _picture()
        body = {"mediaType": "image/png", "bytes": len(picture)}
        upload = api.call("POST", f"{project}/media/uploads", body).json()["assetId"]
        storage.put_image(storage.keys.upload_key(upload), picture, "image/png")
        kept = api.call("POST", f"{project}/media", picture, content_type="image/png").json()["assetId"]
        done = message_of(store, jobs[0])
        store.complete(begin(store, done), result_of(done))
        store.fail(begin(store, message_of(store, jobs[1])), JobError(code="RENDER_FAILED", message="No."))
        told = job_for("https://a.example/hook")
        store.end_canceled(claimed(store, told))
        api.services.previews.put(jobs[2], "front", _picture("WEBP"))
        self._values: dict[str, list[Any]] = {
            "project_id": [row["projectId"]],
            "influencer_id": [source, api.influencer(row["projectId"])],
            "job_id": jobs,
            "letter_id": [jobs[1]],
            "webhook_id": [told.job_id],
            "shot": ["front"],
            "asset_id": [upload, row["referenceImages"][0]["assetId"], kept],
            "selection_id": [
                api.call("POST", f"{project}/content/selection", {"brief": {}}).json()["selectionId"]
            ],
            "secret_id": _two_secrets(api),
            # Most others lead nowhere, and are refused.
            "url": ["https://images.example/nova.png"],
            "callbackUrl": ["https://hooks.example/likeness"],
            "bytes": [len(picture)],
            "cursor": [api.call("GET", "/v1/jobs?limit=1").json()["nextCursor"]],
            "if-none-match": [api.call("GET", f"/v1/jobs/{jobs[0]}").headers["etag"]],
            "influencerId": [source],
            "assetIds": [[row["referenceImages"][0]["assetId"]]],
        }

    def one(self, name: str, choice: int) -> Any:
        known = self._values.get(name)
        return known[choice % len(known)] if known else None

    def put_into_most(self, case: Any) -> SearchStrategy[Any]:
        return strategies.integers(0, 11).map(lambda choice: self._put_into(case, choice))

    def _put_into(self, case: Any, choice: int) -> Any:
        if choice < 9:
            for part in (case.path_parameters, case.query, case.headers, case.body):
                self._replace(part, choice)
        return case

    def _replace(self, part: Any, choice: int) -> None:
        if isinstance(part, MutableMapping):
            for name, value in part.items():
                part[name] = self.one(name, choice) or value
                self._replace(value, choice)


# On a machine that is busy with other things.
@pytest.mark.timeout(300)
def test_every_answer_is_one_that_the_document_has(operator: Api, store: JobStore, storage: Storage) -> None:
    api, app = operator, cast("Any", operator.app)
    schema = schemathesis.openapi.from_dict(app.openapi())
    # It then calls the application in this process; without its lifespan, so that nothing lands by itself.
    schema.app = app
    session = asgi.get_client(app)
    key = {"Authorization": f"Bearer {api.secret}"}
    operations: list[Any] = [found.ok() for found in schema.exclude(path=STREAM).get_all_operations()]  # type: ignore[union-attr]
    statuses: Counter[tuple[str, int]] = Counter()

    def send(case: Any) -> None:
        answer = case.call(session=session, headers=key)
        statuses[case.operation.label, answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    # One that takes nothing has one case.
    varied = [each for each in operations if len(each.body) or len(each.query) or len(each.path_parameters)]
    share = -(-LEAST // len(varied))
    for operation in operations:
        # Any text is a path's id, so a call without body and query can't be given anything that is wrong.
        wrong = share // 2 if len(operation.body) or len(operation.query) else 0
        world = World(api, store, storage)
        told = operation.as_strategy(headers=key).flatmap(world.put_into_most)
        for_each(told, share - wrong, send)
        if wrong:
            # The first may have been deleted.
            world = World(api, store, storage)
            path = {parameter.name: world.one(parameter.name, 0) for parameter in operation.path_parameters}
            broken = operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=path, headers=key)
            for_each(broken, wrong, send)

    assert statuses.total() >= LEAST
    # It is no good to be told of 404 and 422 alone: every call was answered as it should be, too.
    reached = {label for label, status in statuses if status < 400}
    assert reached == {operation.label for operation in operations}


def for_each(drawn: SearchStrategy[Any], count: int, act: Callable[[Any], None]) -> None:
    """The same in every run. A failure is told with the curl line that repeats it, so none is made smaller."""

    @seed(7)
    @as_told(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def each(one: Any) -> None:
        act(one)

    each()


def _two_secrets(api: Api) -> list[str]:
    """Two, since one may be deleted; no more, since there may be only a few."""
    path = "/v1/webhook-secrets"
    while len(found := api.call("GET", path).json()["items"]) < 2:
        assert api.call("POST", path).status_code == 201
    return [secret["secretId"] for secret in found]


def _picture(kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, kind)
    return buffer.getvalue()
