"""What one organisation may have, by whichever projects: it meets its limit, and the others don't."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from api.app import make_app
from api.settings import ApiSettings
from tests.support.api.calls import error_of
from tests.support.api.client import Api, message_of
from worker.base.settings import Settings
from worker.queue.jobs import JobStore


@pytest.fixture
def app(settings: Settings, api_settings: ApiSettings) -> Iterator[FastAPI]:
    few = {"organisation_projects": 2, "organisation_influencers": 3, "organisation_uploads": 2}
    made = make_app(settings, api_settings.model_copy(update=few))
    yield made
    made.state.services.database.close()


def refused(answer: Any, limit: str, most: int) -> None:
    details = error_of(answer, 409, "CONFLICT")["details"]
    assert details == {"subcode": "LIMIT_REACHED", "limit": limit, "most": most}


def test_projects(api: Api, stranger: Api) -> None:
    answers = api.at_once(6, "POST", "/v1/projects", {"name": "Spring"})
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    refused(api.call("POST", "/v1/projects", {"name": "Spring"}), "projects", 2)
    stranger.project()


def test_influencers_of_all_projects_together(api: Api, stranger: Api) -> None:
    source = api.source()
    project = api.call("POST", "/v1/projects", {"name": "Spring", "voice": "warm"}).json()["projectId"]
    api.influencer(project)
    refused(api.call("POST", f"/v1/projects/{project}/influencers", {"name": "D"}), "influencers", 3)
    refused(api.call("POST", f"/v1/influencers/{source}/clone", {"name": "D"}), "influencers", 3)
    stranger.source()
    # One that is deleted makes room.
    api.call("DELETE", f"/v1/influencers/{source}")
    last = api.influencer(project)
    api.call("DELETE", f"/v1/influencers/{last}")
    named = {"name": "Autumn", "voice": "warm"}
    refused(api.call("POST", "/v1/projects", named), "projects", 2)


def test_uploads_that_were_announced(api: Api, stranger: Api) -> None:
    body = {"mediaType": "image/png", "bytes": 9}
    first, second = api.project(), api.project()
    for project in (first, second):
        assert api.call("POST", f"/v1/projects/{project}/media/uploads", body).status_code == 201
    refused(api.call("POST", f"/v1/projects/{first}/media/uploads", body), "uploads", 2)
    assert stranger.call("POST", f"/v1/projects/{stranger.project()}/media/uploads", body).status_code == 201


def test_jobs_say_whose_they_are(api: Api, store: JobStore) -> None:
    cloned = api.call("POST", f"/v1/influencers/{api.source()}/clone", {"name": "B"}).json()
    assert message_of(store, cloned["jobId"]).organisation == "acme"
    created = api.call("POST", "/v1/projects", {"name": "Spring", "voice": "warm"}).json()["job"]
    assert store._redis.hget(store._job_key(created["jobId"]), "organisation") == "acme"
