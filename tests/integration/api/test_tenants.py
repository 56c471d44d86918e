"""Tenants: what is another organisation's is answered like what isn't there, and looked for in the same way."""

import json
from dataclasses import replace
from typing import Any

from api.rows.keys import KnownKeys
from tests.support.api.calls import CALLS, NOBODYS, documented, error_of
from tests.support.api.client import Api
from tests.support.api.statements import statements

# They take no id, so there is nothing to find.
WITHOUT_IDS = {
    ("POST", "/v1/projects"),
    ("GET", "/v1/projects"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/me"),
    *(("GET", f"/v1/operations/{what}") for what in ("queue", "workers", "dead-letters", "webhooks")),
    ("POST", "/v1/webhook-secrets"),
    ("GET", "/v1/webhook-secrets"),
}
# Ids in a body, of a call to a project that is the caller's.
BODIES: list[tuple[str, str, Any]] = [
    ("PUT", "/v1/projects/{mine}/primary-influencer", {"influencerId": "{influencer}"}),
    ("POST", "/v1/projects/{mine}/content/selection", {"brief": {"influencerId": "{influencer}"}}),
]


def test_what_is_anothers_is_answered_like_what_is_not_there(api: Api, stranger: Api) -> None:
    # A second doesn't end here, so a key that is known stays so.
    keys = KnownKeys(api.services.database, lambda: 0.0)
    api.app.state.services = replace(api.services, keys=keys)
    ids = ids_of(api)
    mine = {"mine": stranger.project()}
    before = api.row(ids["influencer"])
    # What an operator sees is everybody's, on purpose.
    own = [(method, path, body) for method, path, body, scope in CALLS if scope != "operate"]
    for method, path, body in [*own, *BODIES]:
        foreign, unknown = (asked(stranger, method, path, body, each | mine) for each in (ids, NOBODYS))
        assert foreign == unknown, (method, path)
        error, _ = foreign
        assert "/v1/" in error["message"], "it says which call helps"
    assert api.row(ids["influencer"]) == before
    assert stranger.call("GET", "/v1/jobs").json() == {"items": [], "nextCursor": None}


def test_the_table_has_every_call(api: Api) -> None:
    """One that is missing here could tell of another's rows without anybody noticing."""
    document = api.app.openapi()
    there = {(method.upper(), path) for path, calls in document["paths"].items() for method in calls}
    listed = {(method, documented(path)) for method, path, _, _ in CALLS}
    assert listed | WITHOUT_IDS == there


def test_a_tenant_may_choose_an_id_that_another_has(api: Api, stranger: Api) -> None:
    api.influencer(api.project(), influencerId="inf_same", name="Mine")
    stranger.influencer(stranger.project(), influencerId="inf_same", name="Theirs")
    assert (api.row("inf_same")["name"], stranger.row("inf_same")["name"]) == ("Mine", "Theirs")


def ids_of(api: Api) -> dict[str, str]:
    source = api.source()
    project = api.row(source)["projectId"]
    upload = api.call("POST", f"/v1/projects/{project}/media/uploads", {"mediaType": "image/png", "bytes": 9})
    selected = api.call("POST", f"/v1/projects/{project}/content/selection", {"brief": {}})
    job = api.call("POST", f"/v1/influencers/{source}/clone", {"name": "B"}).json()["jobId"]
    api.services.previews.put(job, "front", b"RIFF")
    assert api.call("GET", f"/v1/jobs/{job}/previews/front").status_code == 200
    # What is remembered of its owner's calls makes no stranger's any different.
    for _ in range(2):
        assert api.call("GET", f"/v1/jobs/{job}").status_code == 200
    return {
        "influencer": source,
        "project": project,
        "asset": upload.json()["assetId"],
        "selection": selected.json()["selectionId"],
        "job": job,
        "secret": api.call("POST", "/v1/webhook-secrets").json()["secretId"],
        "shot": "front",
    }


def asked(
    api: Api, method: str, path: str, body: Any, ids: dict[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """What is told, but for the request's id, and the statements that found it out."""
    text = json.dumps(body)
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", value)
    with statements(api) as made:
        answer = api.call(method, path.format(**ids), json.loads(text))
    # It isn't told without looking.
    assert made
    return error_of(answer, 404, "NOT_FOUND") | {"requestId": ""}, made
