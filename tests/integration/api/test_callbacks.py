"""`callbackUrl` over HTTP: which URLs are accepted, and that the webhook arrives."""

from typing import Any

import pytest
from fastapi import FastAPI

from api.app import make_app
from api.rows.keys import create_key
from api.settings import ApiSettings
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, create_message_of, message_of, result_of
from tests.support.deliveries import StartReceiver, delivering, to
from worker.base.settings import Settings
from worker.queue.jobs import JobStore

REFUSED = [
    ("http://hooks.example/x", "Plain http to hooks.example is refused. Use https."),
    ("https://user:sesame@hooks.example/x", "user name or password"),
    ("https://localhost/x", "localhost is not a public name"),
    ("https://hooks.example:0/x", "port"),
    ("https://169.254.169.254/x", "169.254.169.254 is not a public address"),
    ("https://[::1]/x", "::1 is not a public address"),
    ("https://[::ffff:127.0.0.1]/x", "is not a public address"),
    ("https://127.0.0.1:6379/x", "127.0.0.1 is not a public address"),
]


def paths_of(api: Api) -> list[tuple[str, dict[str, Any]]]:
    """The calls that take one, with what else they need."""
    return [
        (f"/v1/influencers/{api.source()}/clone", {"name": "B"}),
        (f"/v1/influencers/{api.influencer(api.project())}/reference-images/render", {}),
    ]


@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_a_url_that_no_webhook_would_be_sent_to_is_refused_at_once(api: Api, url: str, reason: str) -> None:
    for path, body in paths_of(api):
        answer = api.call("POST", path, body | {"callbackUrl": url})
        error = error_of(answer, 422, "VALIDATION")
        (field,) = error["details"]["fields"]
        assert field["path"] == "callbackUrl"
        assert reason in field["reason"]
        assert error["message"].startswith("callbackUrl: ")
        assert "sesame" not in answer.text
    assert api.listed("/v1/jobs?limit=5") == []


def test_a_webhook_of_the_jobs_end_is_sent_there(
    settings: Settings, api_settings: ApiSettings, store: JobStore, receive: StartReceiver
) -> None:
    receiver = receive()
    # The deployment allows this one.
    settings = to(receiver, settings)
    app: FastAPI = make_app(settings, api_settings)
    api = Api(app, create_key(app.state.services.database, "acme").secret)
    secret = api.call("POST", "/v1/webhook-secrets").json()["secret"]
    (clone, body), (render, _) = paths_of(api)
    url = {"callbackUrl": receiver.url()}
    job = message_of(store, api.call("POST", clone, body | url).json()["jobId"])
    store.complete(begin(store, job), result_of(job))
    first = create_message_of(store, api.call("POST", render, url).json()["jobId"])
    store.complete(begin(store, first), result_of(first))
    with delivering(settings):
        got = receiver.wait_for(2)
    assert {each.verified(secret)["data"]["jobId"] for each in got} == {job.job_id, first.job_id}
    app.state.services.database.close()
