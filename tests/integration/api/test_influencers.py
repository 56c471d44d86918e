"""Rows: create, get, list, patch, delete, bind."""

from typing import Any

import pytest

from tests.support.api.calls import error_of
from tests.support.api.client import IMAGE, Api

PERSONALITY = {"traits": ["curious"], "tone": "warm", "humor": "gentle", "speakingStyle": "short"}


def test_a_row_from_its_creation_to_its_end(api: Api) -> None:
    project = api.project()
    body = {
        "name": "Nova",
        "gender": "female",
        "ageRange": "25-34",
        "hairColor": "black",
        "voiceDescription": "low",
        "personality": PERSONALITY,
    }
    made = api.call("POST", f"/v1/projects/{project}/influencers", body)
    assert made.status_code == 201
    row = made.json()
    assert body.items() <= row.items()
    assert (row["projectId"], row["status"], row["thumbnailUrl"]) == (project, "draft", None)
    assert row["createdAt"] == row["updatedAt"]
    assert row["createdAt"].endswith("Z")
    influencer = row["influencerId"]
    assert influencer.startswith("inf_")
    assert api.row(influencer) == row

    patch = {"name": "Nova 2", "ageRange": None, "personality": {"humorStyle": "dry-witty", "tone": None}}
    patched = api.call("PATCH", f"/v1/influencers/{influencer}", patch).json()
    assert patched == api.row(influencer)
    assert patched["name"] == "Nova 2"
    assert patched["gender"] == "female"
    assert "ageRange" not in patched
    assert patched["personality"] == {"traits": ["curious"], "humor": "dry-witty", "speakingStyle": "short"}

    gone = api.call("DELETE", f"/v1/influencers/{influencer}", {"reason": "A test."})
    assert gone.status_code == 200
    assert gone.json().keys() == {"influencerId", "status", "deletedAt"}
    assert gone.json() | {"deletedAt": ""} == {
        "influencerId": influencer,
        "status": "deleted",
        "deletedAt": "",
    }
    for method, path, what in (
        ("GET", "", None),
        ("PATCH", "", {"name": "N"}),
        ("DELETE", "", None),
        ("POST", "/clone", {"name": "N"}),
        ("POST", "/reference-images", {"assetIds": ["med_1"]}),
    ):
        error_of(api.call(method, f"/v1/influencers/{influencer}{path}", what), 404, "NOT_FOUND")
    assert api.call("GET", f"/v1/projects/{project}/influencers").json()["items"] == []


@pytest.mark.parametrize(
    "patch",
    [
        {"name": None},
        {"name": ""},
        {"gender": None},
        {"status": "ready"},
        {"referenceImages": []},
        {"hairColor": "red"},
        {"personality": None},
    ],
)
def test_a_patch_takes_four_fields_and_no_nothing(api: Api, patch: dict[str, Any]) -> None:
    influencer = api.influencer(api.project())
    (field,) = error_of(api.call("PATCH", f"/v1/influencers/{influencer}", patch), 422, "VALIDATION")[
        "details"
    ]["fields"]
    assert field["path"] == next(iter(patch))
    assert api.row(influencer)["name"] == "Nova"


def test_an_empty_patch_changes_nothing_and_a_delete_needs_no_body(api: Api) -> None:
    influencer = api.influencer(api.project(), personality=PERSONALITY)
    patched = api.call("PATCH", f"/v1/influencers/{influencer}", {}).json()
    assert patched["personality"] == PERSONALITY
    error_of(api.call("DELETE", f"/v1/influencers/{influencer}", {"reason": "r" * 1025}), 422, "VALIDATION")
    assert api.call("DELETE", f"/v1/influencers/{influencer}").status_code == 200


def test_any_text_that_json_can_hold_comes_back(api: Api) -> None:
    name = "N\x00v\u202ea 🦊"
    assert api.row(api.influencer(api.project(), name=name))["name"] == name


def test_an_id_is_taken_once_even_by_a_deleted_row(api: Api) -> None:
    project = api.project()
    influencer = api.influencer(project, influencerId="inf_mine")
    again = {"name": "N", "influencerId": "inf_mine"}
    error_of(api.call("POST", f"/v1/projects/{project}/influencers", again), 409, "CONFLICT")
    api.call("DELETE", f"/v1/influencers/{influencer}")
    error_of(api.call("POST", f"/v1/projects/{project}/influencers", again), 409, "CONFLICT")


def test_references_are_bound_once_and_the_rest_is_dropped(api: Api) -> None:
    project, other = api.project(), api.project()
    mine, foreign = [api.media(project) for _ in range(3)], api.media(other)
    influencer = api.influencer(project)
    path = f"/v1/influencers/{influencer}/reference-images"

    asked = [mine[1], foreign, "med_nope", "no id at all\x00", mine[0], mine[1]]
    bound = api.call("POST", path, {"assetIds": asked})
    assert bound.status_code == 200
    assert [image["assetId"] for image in bound.json()["referenceImages"]] == [mine[1], mine[0]]
    again = api.call("POST", path, {"assetIds": mine}).json()["referenceImages"]
    assert [image["assetId"] for image in again] == [mine[1], mine[0], mine[2]]
    assert again[:2] == bound.json()["referenceImages"]
    assert set(again[0]) == {"assetId", "url", "thumbnailUrl", "addedAt"}
    assert again[0]["url"] == IMAGE
    row = api.row(influencer)
    assert (row["status"], row["referenceImages"]) == ("ready", again)


@pytest.mark.parametrize("count", [0, 21])
def test_one_to_twenty_references_at_a_time(api: Api, count: int) -> None:
    influencer = api.influencer(api.project())
    body = {"assetIds": [f"med_{n}" for n in range(count)]}
    error_of(api.call("POST", f"/v1/influencers/{influencer}/reference-images", body), 422, "VALIDATION")


def test_a_row_has_twenty_references_at_most(api: Api) -> None:
    project = api.project()
    assets = [api.media(project) for _ in range(21)]
    influencer = api.influencer(project, referenceImages={"assetIds": assets[:20]})
    path = f"/v1/influencers/{influencer}/reference-images"
    error_of(api.call("POST", path, {"assetIds": assets[20:]}), 422, "VALIDATION")
    assert len(api.call("POST", path, {"assetIds": assets[:20]}).json()["referenceImages"]) == 20


def test_a_list_has_every_row_once(api: Api) -> None:
    project = api.project()
    made = [api.influencer(project) for _ in range(5)]
    api.influencer(api.project())
    path = f"/v1/projects/{project}/influencers?limit=2"
    pages = [api.call("GET", path).json()]
    while pages[-1]["nextCursor"]:
        pages.append(api.call("GET", f"{path}&cursor={pages[-1]['nextCursor']}").json())
    found = [row["influencerId"] for page in pages for row in page["items"]]
    assert sorted(found) == sorted(made)
    assert pages[-1]["items"] == [api.row(found[-1])]
