"""Who a project's content is made with."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest

from api.calls.influencers.selection import _usable
from api.documents import DeletedInfluencer
from tests.support.api.calls import error_of
from tests.support.api.client import Api


def select(api: Api, project: str, **brief: Any) -> Any:
    return api.call("POST", f"/v1/projects/{project}/content/selection", {"brief": brief})


def test_the_first_that_is_ready_unless_one_is_set_or_named(api: Api) -> None:
    project = api.project()
    draft = api.influencer(project)
    error = error_of(select(api, project), 409, "CONFLICT")
    assert error["details"]["subcode"] == "NO_PRIMARY_INFLUENCER"
    assert "Bind reference images" in error["message"]
    images = {"assetIds": [api.media(project)]}
    first, second = (api.influencer(project, referenceImages=images) for _ in range(2))
    assert [select(api, project).json()["influencerId"] for _ in range(3)] == [first] * 3
    assert select(api, project, influencerId=second).json()["influencerId"] == second

    path = f"/v1/projects/{project}/primary-influencer"
    refused = error_of(api.call("PUT", path, {"influencerId": draft}), 409, "CONFLICT")
    assert refused["details"] == {"subcode": "INFLUENCER_NOT_READY", "status": "draft"}
    assert api.call("PUT", path, {"influencerId": second}).status_code == 200
    assert select(api, project).json()["influencerId"] == second
    api.call("DELETE", f"/v1/influencers/{second}")
    assert select(api, project).json()["influencerId"] == first
    error_of(select(api, project, influencerId=second), 404, "NOT_FOUND")
    api.call("PUT", path, {"influencerId": first})
    assert api.call("PUT", path, {"influencerId": None}).json()["influencerId"] is None


@pytest.mark.parametrize("first", ["put", "delete"])
def test_whoever_deletes_and_whoever_sets_the_primary_one_wait_for_each_other(
    api: Api, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Two transactions: the second begins in the middle of the first one."""
    project = api.project()
    images = {"assetIds": [api.media(project)]}
    old, _, new = (api.influencer(project, referenceImages=images) for _ in range(3))
    path = f"/v1/projects/{project}/primary-influencer"
    second: list[Future[Any]] = []

    def put(influencer: str) -> Any:
        return api.call("PUT", path, {"influencerId": influencer})

    def delete(influencer: str) -> Any:
        return api.call("DELETE", f"/v1/influencers/{influencer}")

    put(old)
    with ThreadPoolExecutor(1) as threads, monkeypatch.context() as slow:

        def stop_after(step: Callable[..., Any], act: Callable[[str], Any]) -> Callable[..., Any]:
            def stopped(*args: Any, **named: Any) -> Any:
                done = step(*args, **named)
                second.append(threads.submit(act, new))
                # It ends before the first one does, or waits for it.
                wait(second, timeout=0.5)
                return done

            return stopped

        if first == "put":
            slow.setattr("api.calls.influencers.selection._usable", stop_after(_usable, delete))
            answers = [put(new)]
        else:
            slow.setattr(
                "api.calls.influencers.influencers.DeletedInfluencer", stop_after(DeletedInfluencer, put)
            )
            answers = [delete(old)]
        answers.append(second[0].result())
    assert [answer.status_code for answer in answers] == [200, 200]
    chosen = select(api, project)
    assert chosen.status_code == 200, chosen.text
    assert chosen.json()["influencerId"] == (old if first == "put" else new)


def test_what_can_not_be_selected(api: Api, stranger: Api) -> None:
    project, other = api.project(), api.source()
    theirs = stranger.source()
    for influencer in (other, theirs, "inf_nope"):
        error_of(select(api, project, influencerId=influencer), 404, "NOT_FOUND")
    draft = api.influencer(project)
    error = error_of(select(api, project, influencerId=draft), 409, "CONFLICT")
    assert error["details"]["subcode"] == "INFLUENCER_NOT_READY"


def test_a_selection_is_a_copy_that_stays(api: Api) -> None:
    source = api.source(personality={"tone": "warm"})
    project = api.row(source)["projectId"]
    path = f"/v1/projects/{project}/content/selection"
    first = api.call("POST", path, {"brief": {"text": "Spring."}}, idempotency_key="brief-1")
    selected = first.json()
    assert selected["selectionId"].startswith("sel_")
    assert selected["createdAt"].endswith("Z")
    assert selected["personality"] == {"tone": "warm"}
    api.call("PATCH", f"/v1/influencers/{source}", {"name": "Other", "personality": {"tone": "cool"}})
    again = api.call("POST", path, {"brief": {"text": "Spring."}}, idempotency_key="brief-1")
    assert again.content == first.content
    later = select(api, project).json()
    assert later["personality"] == {"tone": "cool"}
    assert later["selectionId"] != selected["selectionId"]

    api.call("DELETE", f"/v1/influencers/{source}")
    for each in (selected, later):
        read = api.call("GET", f"/v1/projects/{project}/content/selections/{each['selectionId']}")
        assert (read.status_code, read.json()) == (200, each)


def test_a_selection_is_its_projects(api: Api) -> None:
    source = api.source()
    selected = select(api, api.row(source)["projectId"]).json()
    for project, selection in ((api.project(), selected["selectionId"]), (selected["projectId"], "sel_nope")):
        answer = api.call("GET", f"/v1/projects/{project}/content/selections/{selection}")
        error_of(answer, 404, "NOT_FOUND")
