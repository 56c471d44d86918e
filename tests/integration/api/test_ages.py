"""Personas that aren't adults: refused in whatever way they would come about."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from api.rows.tables import InfluencerRow, JobRow
from models.record import JobError
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, message_of
from worker.queue.jobs import JobStore

REFUSED = ["8-10", "17-40", "eight to ten", "\uff18-10", "18-10", "0018", "25-34; looks 10", "under 30"]


def named(answer: Any) -> str:
    """The path of the one field that the refusal names."""
    details = error_of(answer, 422, "VALIDATION")["details"]
    assert details["subcode"] == "CONTENT_REFUSED"
    (field,) = details["fields"]
    return str(field["path"])


def jobs_of(api: Api) -> int:
    with api.services.database.read() as session:
        return len(session.scalars(select(JobRow)).all())


def make_old(api: Api, influencer: str, age_range: str) -> None:
    """Gives a row an ageRange of before there was the rule."""
    with api.services.database.write() as session:
        row = session.scalars(select(InfluencerRow).where(InfluencerRow.influencer_id == influencer)).one()
        row.document = json.dumps(json.loads(row.document) | {"ageRange": age_range})


@pytest.mark.parametrize("age_range", REFUSED)
def test_no_persona_gets_such_an_age(api: Api, age_range: str) -> None:
    project, source = api.project(), api.source()
    body: dict[str, Any] = {"name": "Nova", "ageRange": age_range}
    assert named(api.call("POST", f"/v1/projects/{project}/influencers", body)) == "ageRange"
    assert api.listed(f"/v1/projects/{project}/influencers?limit=1") == []
    assert named(api.call("PATCH", f"/v1/influencers/{source}", {"ageRange": age_range})) == "ageRange"
    assert "ageRange" not in api.row(source)
    body = {"name": "B", "overrides": {"ageRange": age_range}}
    assert named(api.call("POST", f"/v1/influencers/{source}/clone", body)) == "overrides.ageRange"
    assert jobs_of(api) == 0


@pytest.mark.parametrize("age_range", ["25\N{EN DASH}34", " 25 - 34 ", "30s", "60+", "over 40", "25", None])
def test_adults_keep_what_was_written(api: Api, age_range: str | None) -> None:
    source = api.source(ageRange=age_range)
    assert api.row(source).get("ageRange") == age_range
    api.clone(source, overrides={"ageRange": age_range})
    assert jobs_of(api) == 1


@pytest.mark.parametrize("age_range", ["8-10", "teen"])
@pytest.mark.parametrize("now", ["25-34", None])
def test_an_older_row_is_rendered_once_its_age_was_patched(api: Api, age_range: str, now: str | None) -> None:
    source, draft = api.source(), api.influencer(api.project())
    for row in (source, draft):
        make_old(api, row, age_range)
        assert api.row(row)["ageRange"] == age_range
    clone, render = f"/v1/influencers/{source}/clone", f"/v1/influencers/{draft}/reference-images/render"
    grown_up: dict[str, Any] = {"name": "B", "overrides": {"ageRange": "25-34"}}
    for path, body in ((clone, {"name": "B"}), (clone, grown_up), (render, None)):
        error = error_of(api.call("POST", path, body), 409, "CONFLICT")
        assert error["details"]["subcode"] == "CONTENT_REFUSED"
        assert "PATCH the influencer" in error["message"]
    assert (jobs_of(api), api.row(draft)["status"]) == (0, "draft")
    api.call("PATCH", f"/v1/influencers/{source}", {"name": "Renamed"})
    for row, path, body in ((source, clone, {"name": "B"}), (draft, render, None)):
        assert api.call("PATCH", f"/v1/influencers/{row}", {"ageRange": now}).status_code == 200
        assert api.call("POST", path, body).status_code == 202


@pytest.mark.parametrize(
    "audience", ["children, 8-12", "teens, 13 to 17", "kids under 10", "over 12", "12+", "10-99", "teenagers"]
)
def test_a_project_for_the_young_begins_with_an_adult(api: Api, audience: str) -> None:
    answer = api.call("POST", "/v1/projects", {"name": "Spring", "audience": audience})
    assert answer.status_code == 201
    assert answer.json()["influencer"].get("ageRange") in (None, "18-24", "25-34")


def test_a_job_of_before_there_was_the_rule_is_not_retried(api: Api, store: JobStore) -> None:
    started = api.clone(api.source())
    store.fail(
        begin(store, message_of(store, started["jobId"])), JobError(code="RENDER_FAILED", message="No.")
    )
    api.services.landing.sweep()
    with api.services.database.write() as session:
        row = session.get_one(JobRow, started["jobId"])
        row.message = json.dumps(json.loads(row.message) | {"overrides": {"ageRange": "8-10"}})
    error = error_of(api.call("POST", f"/v1/jobs/{started['jobId']}/retry"), 409, "CONFLICT")
    assert error["details"]["subcode"] == "CONTENT_REFUSED"
    assert api.row(started["influencerId"])["status"] == "failed"
    assert jobs_of(api) == 1
