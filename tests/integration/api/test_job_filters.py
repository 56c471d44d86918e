"""The list of jobs: what it can be narrowed to, and that it is light."""

from typing import Any

import pytest
from sqlalchemy import event

from models.record import JobError
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, message_of, result_of
from worker.queue.jobs import JobStore


def ids(jobs: list[Any]) -> set[str]:
    return {job["jobId"] for job in jobs}


def complete(store: JobStore, job_id: str) -> None:
    job = message_of(store, job_id)
    store.complete(begin(store, job), result_of(job))


def fail(store: JobStore, job_id: str) -> None:
    store.fail(begin(store, message_of(store, job_id)), JobError(code="RENDER_FAILED", message="No."))


def test_jobs_of_one_influencer_and_since_a_time(api: Api) -> None:
    source = api.source()
    _, other = api.clone(source), api.clone(source)
    assert ids(api.listed(f"/v1/jobs?influencerId={other['influencerId']}")) == {other["jobId"]}
    assert len(api.listed("/v1/jobs?since=2020-01-01T00:00:00Z")) == 2
    assert api.listed("/v1/jobs?since=2100-01-01T00:00:00Z") == []
    error_of(api.call("GET", "/v1/jobs?since=soon"), 422, "VALIDATION")


def test_jobs_of_one_status_page_by_page(api: Api, store: JobStore) -> None:
    source = api.source()
    made = [api.clone(source)["jobId"] for _ in range(7)]
    # In between each other, so that no page is all of one status.
    for job_id in (made[0], made[3], made[6]):
        complete(store, job_id)
    fail(store, made[2])
    api.call("POST", f"/v1/jobs/{made[5]}/cancel")
    api.services.landing.sweep()
    for status, expected in (
        ("completed", {made[0], made[3], made[6]}),
        ("failed", {made[2]}),
        ("canceled", {made[5]}),
        ("running", {made[1], made[4]}),
    ):
        listed = api.listed(f"/v1/jobs?status={status}&limit=2")
        assert ids(listed) == expected, status
        assert len(listed) == len(expected)
        assert {job["status"] for job in listed} == {status}
    both = api.listed(f"/v1/jobs?status=completed&influencerId={message_of(store, made[3]).influencer_id}")
    assert ids(both) == {made[3]}
    error_of(api.call("GET", "/v1/jobs?status=done"), 422, "VALIDATION")


def test_a_job_that_ended_a_moment_ago_is_not_listed_as_running(api: Api, store: JobStore) -> None:
    job_id = api.clone(api.source())["jobId"]
    complete(store, job_id)
    assert api.listed("/v1/jobs?status=running") == []
    # It was found to have ended, and so it has landed.
    assert ids(api.listed("/v1/jobs?status=completed")) == {job_id}


def test_jobs_of_one_kind(api: Api) -> None:
    clone = api.clone(api.source())["jobId"]
    draft = api.influencer(api.project())
    create = api.call("POST", f"/v1/influencers/{draft}/reference-images/render").json()["jobId"]
    assert ids(api.listed("/v1/jobs?kind=influencer_clone")) == {clone}
    assert ids(api.listed("/v1/jobs?kind=influencer_create&status=running")) == {create}
    # Other packages may add kinds, so any that could be one is only not found.
    assert api.listed("/v1/jobs?kind=influencer_restyle") == []
    error_of(api.call("GET", "/v1/jobs?kind=No%20kind"), 422, "VALIDATION")


def test_the_list_has_results_only_if_they_are_asked_for(api: Api, store: JobStore) -> None:
    job_id = api.clone(api.source())["jobId"]
    complete(store, job_id)
    whole = api.call("GET", f"/v1/jobs/{job_id}").json()
    (light,) = api.listed("/v1/jobs?limit=5")
    assert light == {name: value for name, value in whole.items() if name != "result"}
    assert api.listed("/v1/jobs?include=result") == [whole]
    error_of(api.call("GET", "/v1/jobs?include=everything"), 422, "VALIDATION")


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "status=running",
        "status=failed",
        "kind=influencer_clone",
        "influencerId=inf_1",
        "status=failed&kind=a",
    ],
)
def test_every_filter_has_its_index(api: Api, query: str) -> None:
    """Neither all jobs are looked at nor are any sorted, on any page."""
    source = api.source()
    for _ in range(2):
        api.clone(source)
    cursor = api.call("GET", "/v1/jobs?limit=1").json()["nextCursor"]
    asked: list[Any] = []
    engine = api.services.database._engine
    event.listen(engine, "before_cursor_execute", lambda *made: asked.append(made[2:4]))
    assert api.call("GET", f"/v1/jobs?{query}&cursor={cursor}").status_code == 200
    (statement, values), *_ = (each for each in asked if "FROM jobs" in each[0])
    with api.services.database._engine.connect() as connection:
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    (step,) = plan
    assert "USING INDEX jobs_by_" in step, plan
    assert "created_at,job_id)<" in step, "it begins at the cursor"
