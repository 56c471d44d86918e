"""A run with the gate: real Redis and S3, a device that draws seeds, and a judge that knows them."""

import time
from typing import Any

import httpx2
import pytest

from models.derived import seed_of
from models.errors import LikenessNotReached, RenderProcessDied
from models.likeness import (
    MissedImage,
    ReferenceFault,
)
from models.manifest import Manifest
from tests.support.jobs.gated import FACE, MB, Device, Fetcher, Judge, Place, make_job
from tests.support.jobs.stored import SOURCE
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.storage import Storage


@pytest.fixture
def place(settings: Settings, storage: Storage) -> Place:
    return Place(settings, storage)


def test_what_misses_is_rendered_again_with_the_next_seed_and_nothing_else_is(place: Place) -> None:
    job, device = make_job("front", "smile"), Device()
    result = place.run(Judge(job, {("smile", 0): 0.3, ("smile", 1): 0.3}), device)
    seeds = {shot: [seed_of(job.job_id, shot, attempt) for attempt in range(3)] for shot in job.shots}
    assert device.orders == [
        {"front": seeds["front"][0], "smile": seeds["smile"][0]},
        {"smile": seeds["smile"][1]},
        {"smile": seeds["smile"][2]},
    ]
    assert [image.seed for image in result.images] == [seeds["front"][0], seeds["smile"][2]]
    assert all(image.judgement for image in result.images)


def test_the_best_of_all_tries_is_kept_as_evidence(place: Place, storage: Storage) -> None:
    job = make_job("front", "smile")
    with pytest.raises(LikenessNotReached) as caught:
        place.run(Judge(job, {("smile", 0): 0.3, ("smile", 1): 0.5, ("smile", 2): 0.4}))
    details = caught.value.details
    (missed,) = [MissedImage.parse(one) for one in details["missed"]]
    assert (missed.shot, missed.number, missed.judgement.scores.centroid) == ("smile", 2, 0.5)
    assert missed.seed == seed_of(job.job_id, "smile", 1)
    assert details["passed"] == ["front"]
    assert missed.evidence_key
    head = storage.head(missed.evidence_key)
    assert head
    assert head.metadata["seed"] == str(missed.seed)
    assert missed.evidence_url
    assert httpx2.get(missed.evidence_url).content == storage.get(missed.evidence_key, max_bytes=MB)


@pytest.mark.parametrize("accept_partial", [False, True])
def test_a_set_of_which_nothing_passes_is_no_partial_set(place: Place, accept_partial: bool) -> None:
    job = make_job("front", accept_partial=accept_partial)
    with pytest.raises(LikenessNotReached):
        place.run(Judge(job, {("front", attempt): 0.3 for attempt in range(3)}))


def test_a_partial_set_names_what_is_missing_and_the_manifest_accounts_for_all(place: Place) -> None:
    job = make_job("front", "smile", accept_partial=True)
    result = place.run(Judge(job, {("front", attempt): 0.3 for attempt in range(3)}))
    assert [image.shot for image in result.images] == ["smile"]
    assert result.likeness
    assert [one.shot for one in result.likeness.missed] == ["front"]
    manifest = Manifest.parse(place.storage.get(result.manifest_key, max_bytes=MB))
    assert manifest.likeness == result.likeness
    assert place.stored(job) == {"smile.png", "thumbs/smile.webp", "evidence/front.png", "manifest.json"}


def test_an_image_is_compared_with_those_that_were_taken_and_no_others(place: Place) -> None:
    job = make_job("front", "smile", "serious")
    judge = Judge(job, {("smile", 0): 0.3})
    place.run(judge)
    assert [list(request.others) for request in judge.asked] == [
        [],
        ["front"],
        ["front"],
        ["front", "serious"],
    ]


@pytest.mark.parametrize(
    ("overrides", "changed"),
    [
        ({"ageRange": "60-70"}, True),
        ({"gender": "male"}, True),
        ({"ethnicity": "Finnish"}, True),
        ({"gender": SOURCE.gender}, False),
        ({"hairColor": "red"}, False),
        ({}, False),
    ],
)
def test_a_face_is_changed_by_gender_age_and_ethnicity(overrides: Any, changed: bool, place: Place) -> None:
    judge = Judge(make_job("front", overrides=overrides))
    place.run(judge)
    assert [request.changed for request in judge.asked] == [changed]


def test_a_report_takes_everything_and_renders_nothing_again(place: Place) -> None:
    job, device = make_job("front"), Device()
    judge = Judge(job, {("front", 0): 0.3}, has_faces=False, faults={0: ReferenceFault.ANOTHER_PERSON})
    result = place.run(judge, device, gate="report")
    assert len(device.orders) == 1
    (image,) = result.images
    assert image.judgement
    assert image.judgement.verdict.reasons == (FACE,)
    assert judge.subjects == ["person", "any"], "and references without a face are no error"
    manifest = Manifest.parse(place.storage.get(result.manifest_key, max_bytes=MB))
    assert len(manifest.references) == 1, "nor is one of another person left out"


def test_a_subject_that_may_have_no_face_is_judged_all_the_same(place: Place) -> None:
    judge = Judge(make_job("front", subject="any"), has_faces=False)
    assert place.run(judge).likeness
    assert judge.subjects == ["any"]


def test_a_reference_of_another_person_goes_by_its_place_in_the_job(place: Place) -> None:
    job = make_job("front")
    judge = Judge(job, faults={1: ReferenceFault.ANOTHER_PERSON})
    result = place.run(judge, fetcher=Fetcher((1, 3)))
    (rejected,) = JobStore(place.settings).get(job.job_id).rejected_references
    assert (rejected.index, rejected.asset_id, rejected.code) == (3, "med_3", "REFERENCE_SHOWS_ANOTHER")
    assert result.likeness
    assert [(one.index, one.used) for one in result.likeness.references] == [(1, True), (3, False)]


def test_a_second_attempt_takes_up_what_passed_with_its_seed_and_judges_it_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job("front", "smile")
    misses = {("front", 0): 0.3} | {("smile", attempt): 0.3 for attempt in range(3)}
    with pytest.raises(LikenessNotReached):
        place.run(Judge(job, misses))
    assert "evidence/smile.png" in place.stored(job)
    before = {found.key: found.etag for found in place.storage.list(place.storage.keys.job_prefix(job))}

    device, judge = Device(), Judge(job)
    result = place.run(judge, device)
    assert device.orders == [{"smile": seed_of(job.job_id, "smile")}]
    front, smile = result.images
    assert (front.seed, smile.seed) == (seed_of(job.job_id, "front", 1), seed_of(job.job_id, "smile"))
    assert front.judgement
    assert list(judge.asked[-1].others) == ["front"], "the new image is compared with the one that was there"
    assert place.storage.head(front.key).etag == before[front.key]  # type: ignore[union-attr]
    assert "evidence/smile.png" not in place.stored(job)


def test_a_stored_image_that_this_gate_refuses_is_no_part_of_the_set(place: Place) -> None:
    job = make_job("front", "smile", accept_partial=True)
    place.run(Judge(job))
    # As if the worker had died right before it: what is committed is never judged again.
    place.storage.delete(place.storage.keys.manifest_key(job))
    device = Device()
    result = place.run(Judge(job, {("front", attempt): 0.3 for attempt in range(3)}), device)
    assert [list(order) for order in device.orders] == [["front"]] * 3
    assert [image.shot for image in result.images] == ["smile"]
    assert place.stored(job) == {"smile.png", "thumbs/smile.webp", "evidence/front.png", "manifest.json"}


def test_nothing_is_deleted_beside_an_upload(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job("front", "smile", accept_partial=True)
    with pytest.raises(RenderProcessDied):
        place.run(Judge(job), Device(lives=1))
    put_image, delete, done = place.storage.put_image, place.storage.delete, list[str]()

    def put_slowly(key: str, *arguments: Any) -> str:
        if "smile" in key:
            time.sleep(0.3)
        digest = put_image(key, *arguments)
        done.append(f"put {key.rpartition('/')[2]}")
        return digest

    def delete_and_tell(*keys: str) -> None:
        delete(*keys)
        done.extend(f"delete {key.rpartition('/')[2]}" for key in keys)

    monkeypatch.setattr(place.storage, "put_image", put_slowly)
    monkeypatch.setattr(place.storage, "delete", delete_and_tell)
    place.run(Judge(job, {("front", attempt): 0.3 for attempt in range(3)}))
    assert sorted(done[:3]) == ["put front.png", "put smile.png", "put smile.webp"]
    assert done[3:] == ["delete front.png", "delete front.webp"]
