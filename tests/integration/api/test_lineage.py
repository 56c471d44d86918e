"""From a row to its job, and to the rows that it was cloned from or to."""

import pytest
from sqlalchemy import update

from api.rows.backfill import backfill
from api.rows.tables import InfluencerRow, JobRow
from models.record import JobError
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, message_of, result_of
from worker.queue.jobs import JobStore


def ids(rows: list[dict[str, str]]) -> list[str]:
    return [row["influencerId"] for row in rows]


def test_the_clones_of_an_influencer(api: Api, stranger: Api) -> None:
    source = api.source()
    clones = [api.clone(source)["influencerId"] for _ in range(3)]
    api.clone(api.source())
    # The same id, in another organisation.
    theirs = stranger.source(influencerId=source)
    stranger.clone(theirs)
    path = f"/v1/influencers/{source}/clones"
    listed = api.listed(f"{path}?limit=2")
    assert sorted(ids(listed)) == sorted(clones)
    assert all(row == api.row(row["influencerId"]) for row in listed)
    assert {row["sourceInfluencerId"] for row in listed} == {source}
    assert [row["createdAt"] for row in listed] == sorted(row["createdAt"] for row in listed)
    api.call("DELETE", f"/v1/influencers/{clones[1]}")
    assert sorted(ids(api.listed(f"{path}?limit=2"))) == sorted([clones[0], clones[2]])
    assert api.listed(f"/v1/influencers/{clones[0]}/clones?limit=5") == []


def test_a_row_says_whom_it_was_cloned_from(api: Api, store: JobStore) -> None:
    source = api.source()
    assert api.row(source)["sourceInfluencerId"] is None
    clone = api.clone(source)
    job = message_of(store, clone["jobId"])
    store.complete(begin(store, job), result_of(job))
    api.services.landing.sweep()
    row = api.row(clone["influencerId"])
    assert (row["sourceInfluencerId"], row["status"]) == (source, "ready")
    api.call("DELETE", f"/v1/influencers/{source}")
    assert api.row(clone["influencerId"]) == row
    error_of(api.call("GET", f"/v1/influencers/{source}/clones"), 404, "NOT_FOUND")


def test_a_row_leads_to_its_job_until_it_is_ready(api: Api, store: JobStore) -> None:
    source = api.source()
    assert api.row(source)["job"] is None
    clone = api.clone(source)
    row, job_id = clone["influencerId"], clone["jobId"]
    waiting = {"jobId": job_id, "kind": "influencer_clone", "status": "running", "error": None}
    assert (api.row(row)["status"], api.row(row)["job"]) == ("pending", waiting)
    job = message_of(store, job_id)
    lease = begin(store, job)
    api.services.landing.sweep()
    assert (api.row(row)["status"], api.row(row)["job"]) == ("training", waiting)
    store.complete(lease, result_of(job))
    api.services.landing.sweep()
    assert (api.row(row)["status"], api.row(row)["job"]) == ("ready", None)


def test_a_failed_row_names_its_latest_job_and_why(api: Api, store: JobStore) -> None:
    source = api.source()
    clone, bystander = api.clone(source), api.clone(source)
    row, job_id = clone["influencerId"], clone["jobId"]
    error = JobError(code="IDENTITY_NOT_REACHED", message="No shot shows the face.", details={"shots": 1})
    store.fail(begin(store, message_of(store, job_id)), error)
    api.services.landing.sweep()
    failed = {
        "jobId": job_id,
        "kind": "influencer_clone",
        "status": "failed",
        "error": {"code": error.code, "message": error.message},
    }
    assert (api.row(row)["status"], api.row(row)["job"]) == ("failed", failed)
    # In lists as well, beside rows with other jobs.
    listed = {
        each["influencerId"]: each["job"] for each in api.listed(f"/v1/influencers/{source}/clones?limit=9")
    }
    assert listed[row] == failed
    assert listed[bystander["influencerId"]]["jobId"] == bystander["jobId"]
    project = api.row(source)["projectId"]
    assert failed in [each["job"] for each in api.listed(f"/v1/projects/{project}/influencers?limit=1")]

    again = api.call("POST", f"/v1/jobs/{job_id}/retry").json()["jobId"]
    assert (api.row(row)["job"]["jobId"], api.row(row)["job"]["status"]) == (again, "running")
    api.call("POST", f"/v1/jobs/{again}/cancel")
    api.services.landing.sweep()
    canceled = {"jobId": again, "kind": "influencer_clone", "status": "canceled", "error": None}
    assert (api.row(row)["status"], api.row(row)["job"]) == ("failed", canceled)


def test_a_first_persona_leads_to_its_job_at_once(api: Api) -> None:
    made = api.call("POST", "/v1/projects", {"name": "Spring", "voice": "warm"}).json()
    assert made["influencer"]["job"]["jobId"] == made["job"]["jobId"]
    assert made["influencer"]["job"]["kind"] == "influencer_create"
    assert made["influencer"]["sourceInfluencerId"] is None


def test_rows_of_an_earlier_version_are_completed(
    api: Api, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.rows.backfill._AT_ONCE", 2)
    source = api.source()
    clones = [api.clone(source) for _ in range(3)]
    draft = api.influencer(api.project())
    created = api.call("POST", f"/v1/influencers/{draft}/reference-images/render").json()["jobId"]
    job = message_of(store, clones[0]["jobId"])
    store.complete(begin(store, job), result_of(job))
    api.services.landing.sweep()
    before = api.listed("/v1/jobs?limit=9")
    with api.services.database.write() as session:
        session.execute(update(JobRow).values(kind=None, status=None))
        session.execute(update(InfluencerRow).values(source_influencer_id=None))
    assert api.listed("/v1/jobs?kind=influencer_clone") == []
    # What a row shows doesn't wait for it.
    assert api.row(clones[1]["influencerId"])["job"]["kind"] == "influencer_clone"

    backfill(api.services.database)
    assert api.listed("/v1/jobs?limit=9") == before
    assert len(api.listed("/v1/jobs?kind=influencer_clone")) == 3
    assert [each["jobId"] for each in api.listed("/v1/jobs?kind=influencer_create")] == [created]
    assert [each["jobId"] for each in api.listed("/v1/jobs?status=completed")] == [clones[0]["jobId"]]
    assert len(api.listed("/v1/jobs?status=running")) == 3
    listed = ids(api.listed(f"/v1/influencers/{source}/clones?limit=9"))
    assert sorted(listed) == sorted(clone["influencerId"] for clone in clones)
    assert api.row(draft)["sourceInfluencerId"] is None


def test_a_job_that_an_earlier_version_lands_is_completed_too(api: Api, store: JobStore) -> None:
    clone = api.clone(api.source())
    store.fail(begin(store, message_of(store, clone["jobId"])), JobError(code="RENDER_FAILED", message="No."))
    api.services.landing.sweep()
    with api.services.database.write() as session:
        session.execute(update(JobRow).values(status=None))
    assert api.listed("/v1/jobs?status=running") == []
    backfill(api.services.database)
    assert [each["jobId"] for each in api.listed("/v1/jobs?status=failed")] == [clone["jobId"]]
