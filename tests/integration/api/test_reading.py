"""Who one is, and what one has: lists that a page or a client begins with."""

from typing import Any

import pytest

from api.rows.keys import OWN_SCOPES, create_key
from tests.support.api.calls import error_of
from tests.support.api.client import IMAGE, Api


def pages(api: Api, path: str, limit: int) -> list[Any]:
    found: list[Any] = []
    cursor = ""
    while True:
        answer = api.call("GET", f"{path}?limit={limit}{cursor}").json()
        assert len(answer["items"]) <= limit
        found += answer["items"]
        if answer["nextCursor"] is None:
            return found
        cursor = f"&cursor={answer['nextCursor']}"


def test_a_key_says_whose_it_is(api: Api) -> None:
    me = api.call("GET", "/v1/me").json()
    assert me["keyId"].startswith("key_")
    assert (me["organisation"], me["scopes"]) == ("acme", sorted(OWN_SCOPES))
    narrow = create_key(api.services.database, "other", ("jobs:read",))
    theirs = Api(api.app, narrow.secret).call("GET", "/v1/me").json()
    assert theirs == {"organisation": "other", "keyId": narrow.key_id, "scopes": ["jobs:read"]}
    assert narrow.secret not in str(theirs)


def test_projects_are_listed_to_their_organisation(api: Api) -> None:
    mine = [api.project() for _ in range(3)]
    theirs = Api(api.app, create_key(api.services.database, "other").secret)
    other = theirs.project()
    listed = pages(api, "/v1/projects", 2)
    assert {project["projectId"] for project in listed} == set(mine)
    assert all(set(project) == {"projectId", "name", "createdAt"} for project in listed)
    assert [project["projectId"] for project in pages(theirs, "/v1/projects", 2)] == [other]


def test_a_projects_media_is_listed_the_newest_first(api: Api) -> None:
    project, another = api.project(), api.project()
    added = [api.media(project) for _ in range(3)]
    api.media(another)
    listed = pages(api, f"/v1/projects/{project}/media", 2)
    assert {asset["assetId"] for asset in listed} == set(added)
    times = [asset["createdAt"] for asset in listed]
    assert times == sorted(times, reverse=True)
    assert listed[0]["url"] == IMAGE


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/projects", "/v1/me", "/v1/jobs/job_1"])
def test_a_parameter_that_no_call_has_is_refused_as_an_unknown_field_is(path: str, api: Api) -> None:
    error = error_of(api.call("GET", f"{path}?statsu=running"), 422, "VALIDATION")
    assert error["details"]["fields"] == [{"path": "statsu", "reason": "unknown"}]
    assert "'statsu'" in error["message"]


def test_a_path_without_the_method_says_which_it_has(api: Api) -> None:
    answer = api.call("PUT", "/v1/projects", {"name": "B"})
    error = error_of(answer, 405, "NOT_FOUND")
    assert set(error["details"]["allowed"]) == set(answer.headers["allow"].split(", "))
    assert "POST" in error["details"]["allowed"]
