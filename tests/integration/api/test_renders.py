"""A persona's first images: `POST /v1/influencers/{influencerId}/reference-images/render`, and their landing."""

import pytest

from models.errors import QueueUnavailable
from models.record import JobError
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, create_message_of, result_of
from worker.queue.jobs import JobStore


def path_of(influencer: str) -> str:
    return f"/v1/influencers/{influencer}/reference-images/render"


def test_a_draft_goes_to_ready_by_way_of_failed(api: Api, store: JobStore) -> None:
    influencer = api.influencer(api.project(), hairColor="black", personality={"tone": "warm"})
    landing = api.services.landing

    first = api.call("POST", path_of(influencer))
    assert first.status_code == 202
    assert first.json() == {
        "jobId": first.json()["jobId"],
        "kind": "influencer_create",
        "status": "running",
        "influencerId": influencer,
        "locationUrl": f"/v1/jobs/{first.json()['jobId']}",
    }
    assert api.row(influencer)["status"] == "pending"
    lease = begin(store, create_message_of(store, first.json()["jobId"]))
    landing.sweep()
    assert api.row(influencer)["status"] == "training"
    store.fail(lease, JobError(code="RENDER_FAILED", message="It broke."))
    landing.sweep()
    assert api.row(influencer)["status"] == "failed"

    second = api.call("POST", path_of(influencer), {"shots": ["front", "smile"]}).json()
    assert second["jobId"] != first.json()["jobId"]
    job = create_message_of(store, second["jobId"])
    assert (job.shots, job.accept_partial) == (("front", "smile"), True)
    assert (job.persona.hair_color, job.persona.influencer_id) == ("black", influencer)
    lease = begin(store, job)
    patched = api.call("PATCH", f"/v1/influencers/{influencer}", {"personality": {"tone": "cool"}})
    assert patched.status_code == 200
    result = result_of(job)
    store.complete(lease, result)
    landing.sweep()
    row = api.row(influencer)
    assert (row["status"], row["personality"]) == ("ready", {"tone": "cool"})
    assert [image["assetId"] for image in row["referenceImages"]] == [
        image.asset_id for image in result.images
    ]
    assert "/thumbs/front.webp?" in row["thumbnailUrl"]
    read = api.call("GET", f"/v1/jobs/{second['jobId']}").json()
    assert (read["kind"], read["status"]) == ("influencer_create", "completed")
    assert api.call("POST", f"/v1/influencers/{influencer}/clone", {"name": "B"}).status_code == 202


def test_what_is_not_rendered(api: Api) -> None:
    ready, draft = api.source(), api.influencer(api.project())
    error = error_of(api.call("POST", path_of(ready)), 409, "CONFLICT")
    assert error["details"] == {"subcode": "HAS_REFERENCE_IMAGES", "status": "ready"}
    for shots in ([], ["front", "front"], ["from-behind"]):
        answer = api.call("POST", path_of(draft), {"shots": shots})
        (field,) = error_of(answer, 422, "VALIDATION")["details"]["fields"]
        assert field["path"] == "shots"
    assert api.row(draft)["status"] == "draft"
    api.call("DELETE", f"/v1/influencers/{draft}")
    error_of(api.call("POST", path_of(draft)), 404, "NOT_FOUND")


def test_fifty_at_once_are_one_job(api: Api) -> None:
    influencer = api.influencer(api.project())
    answers = api.at_once(50, "POST", path_of(influencer), {})
    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 49]
    refused = [answer.json()["error"]["details"] for answer in answers if answer.status_code == 409]
    assert refused == [{"subcode": "RENDER_UNDER_WAY", "status": "pending"}] * 49
    assert len(api.call("GET", "/v1/jobs").json()["items"]) == 1


def test_images_that_were_bound_meanwhile_come_after(api: Api, store: JobStore) -> None:
    project = api.project()
    influencer = api.influencer(project)
    job_id = api.call("POST", path_of(influencer)).json()["jobId"]
    mine = api.media(project)
    api.call("POST", f"/v1/influencers/{influencer}/reference-images", {"assetIds": [mine]})
    job = create_message_of(store, job_id)
    result = result_of(job, 3)
    store.complete(begin(store, job), result)
    api.services.landing.sweep()
    bound = [image["assetId"] for image in api.row(influencer)["referenceImages"]]
    assert bound == [*(image.asset_id for image in result.images), mine]


def test_a_row_that_failed_is_revived_by_images_that_it_has(api: Api, store: JobStore) -> None:
    project = api.project()
    influencer = api.influencer(project)
    clone, bind = (f"/v1/influencers/{influencer}/{call}" for call in ("clone", "reference-images"))
    job_id = api.call("POST", path_of(influencer)).json()["jobId"]
    error = error_of(api.call("POST", clone, {"name": "B"}), 409, "CONFLICT")
    assert error["details"] == {"subcode": "RENDER_UNDER_WAY", "status": "pending"}
    mine = {"assetIds": [api.media(project)]}
    bound = api.call("POST", bind, mine).json()
    store.fail(
        begin(store, create_message_of(store, job_id)), JobError(code="RENDER_FAILED", message="It broke.")
    )
    api.services.landing.sweep()
    api.call("POST", bind, {"assetIds": ["med_nope"]})
    assert api.row(influencer)["status"] == "failed"
    assert api.call("POST", bind, mine).json() == bound
    assert api.row(influencer)["status"] == "ready"
    assert api.call("POST", clone, {"name": "B"}).status_code == 202


def test_it_is_promised_while_redis_is_away(
    api: Api, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise QueueUnavailable("Redis does not answer.")

    with monkeypatch.context() as away:
        away.setattr(api.services.client, "submit", refuse)
        told = api.call("POST", "/v1/projects", {"name": "Spring", "voice": "calm"}).json()
    job_id = told["job"]["jobId"]
    assert store.records([job_id]) == [None]
    assert api.call("GET", f"/v1/jobs/{job_id}").json()["kind"] == "influencer_create"
    api.services.landing.sweep()
    assert store.get(job_id).kind == "influencer_create"
