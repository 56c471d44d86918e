"""The run of a job that makes a person up: what its anchor is, and what becomes of it."""

from typing import Any

import pytest

from models.derived import person_seed_of, seed_of
from models.errors import LikenessNotReached, RenderProcessDied
from models.job import CreateJob
from models.manifest import Manifest, UsedReference
from tests.support.jobs.gated import MB, Device, Judge, Place, drawn
from tests.support.jobs.stored import SOURCE
from worker.base.settings import Settings
from worker.client import plan_create
from worker.mark.inspection import inspect_image
from worker.queue.jobs import JobStore
from worker.storage import Storage

SHOTS = ("smile", "front", "profile")


@pytest.fixture
def place(settings: Settings, storage: Storage) -> Place:
    return Place(settings, storage)


def make_job(*shots: str, **options: Any) -> CreateJob:
    return plan_create(SOURCE, shots or SHOTS, **options)


def missing(shot: str, *tries: int) -> dict[tuple[str, int], float]:
    return {(shot, attempt): 0.3 for attempt in tries}


def person_of(job: CreateJob, attempt: int = 0) -> int:
    return person_seed_of(seed_of(job.job_id, job.anchor, attempt))


def test_the_anchor_comes_first_and_is_what_the_others_are_compared_with(place: Place) -> None:
    job, device = make_job(), Device()
    judge = Judge(job)
    result = place.run(judge, device)
    anchor = drawn(seed_of(job.job_id, "smile"))
    assert [list(order) for order in device.orders] == [["smile"], ["front", "profile"]]
    assert [order.references for order in device.got] == [(), (anchor,)]
    assert [order.person_seed for order in device.got] == [person_of(job)] * 2
    assert judge.checked == [(), (anchor,)]
    assert [request.references for request in judge.asked] == [b"none", b"references", b"references"]
    assert [request.yaw for request in judge.asked] == [0, 0, 80]
    assert [image.shot for image in result.images] == list(SHOTS)


def test_the_anchor_is_the_shot_that_is_turned_least() -> None:
    assert make_job("profile", "three-quarter-left", "front", "smile").anchor == "front"
    assert make_job("profile", "three-quarter-left").anchor == "three-quarter-left"


def test_an_anchor_that_is_turned_must_show_a_face_all_the_same(place: Place) -> None:
    judge = Judge(make_job("profile"))
    place.run(judge)
    assert [request.yaw for request in judge.asked] == [0]


def test_the_row_is_ready_and_otherwise_as_it_was(place: Place) -> None:
    job = make_job()
    result = place.run(Judge(job))
    row = result.influencer
    assert row.status == "ready"
    assert row.updated_at > SOURCE.updated_at
    assert [image.asset_id for image in row.reference_images] == [image.asset_id for image in result.images]
    changed = {"status", "thumbnail_url", "reference_images", "updated_at", "reference_origin"}
    assert row.model_dump(exclude=changed) == SOURCE.model_dump(exclude=changed)
    record = JobStore(place.settings).get(job.job_id)
    assert (record.kind, record.influencer_id) == ("influencer_create", SOURCE.influencer_id)
    manifest = Manifest.parse(place.storage.get(result.manifest_key, max_bytes=MB))
    assert (manifest.kind, manifest.source_influencer_id) == ("influencer_create", None)
    assert row.reference_origin == manifest.reference_origin
    assert row.reference_origin
    assert (row.reference_origin.kind, row.reference_origin.stated_by) == ("synthetic", "likeness")


def test_the_others_name_the_anchor_as_what_they_came_from(place: Place) -> None:
    result = place.run(Judge(make_job()))
    anchor = result.images[0]
    used = UsedReference(asset_id=anchor.asset_id, sha256=anchor.sha256)
    named = [
        [one.title for one in inspect_image(place.storage.get(image.key, max_bytes=MB)).ingredients]
        for image in result.images
    ]
    assert named == [[], [anchor.asset_id], [anchor.asset_id]]
    manifest = Manifest.parse(place.storage.get(result.manifest_key, max_bytes=MB))
    assert manifest.references == (used,)


def test_an_anchor_that_misses_is_tried_again_as_another_person(place: Place) -> None:
    job, device = make_job(), Device()
    result = place.run(Judge(job, missing("smile", 0) | missing("front", 0)), device)
    assert [list(order) for order in device.orders] == [["smile"], ["smile"], ["front", "profile"], ["front"]]
    people = [order.person_seed for order in device.got]
    assert people == [person_of(job, 0), *[person_of(job, 1)] * 3]
    assert result.images[0].seed == seed_of(job.job_id, "smile", 1)


@pytest.mark.parametrize("accept_partial", [False, True])
def test_without_an_anchor_there_is_nothing(place: Place, accept_partial: bool) -> None:
    job, device = make_job(accept_partial=accept_partial), Device()
    with pytest.raises(LikenessNotReached, match="smile") as caught:
        place.run(Judge(job, missing("smile", 0, 1, 2)), device)
    assert [list(order) for order in device.orders] == [["smile"]] * 3
    assert [one["shot"] for one in caught.value.details["missed"]] == ["smile"]
    assert place.stored(job) == {"evidence/smile.png"}


def test_a_partial_set_has_the_anchor_at_least(place: Place) -> None:
    job = make_job(accept_partial=True)
    result = place.run(Judge(job, missing("front", 0, 1, 2)))
    assert [image.shot for image in result.images] == ["smile", "profile"]
    assert result.likeness
    assert [one.shot for one in result.likeness.missed] == ["front"]


@pytest.mark.parametrize("gate", ["required", "off"])
def test_a_second_attempt_makes_the_same_person(place: Place, gate: str) -> None:
    """Also where the first one tried several."""
    job = make_job()
    tried = 1 if gate == "required" else 0
    judge = Judge(job, missing("smile", *range(tried)))
    with pytest.raises(RenderProcessDied):
        place.run(judge, Device(lives=tried + 2), gate=gate)
    assert {"smile.png", "front.png"} <= place.stored(job)
    device = Device()
    result = place.run(judge, device, gate=gate)
    assert [list(order) for order in device.orders] == [["profile"]]
    (order,) = device.got
    assert order.person_seed == person_of(job, tried)
    assert order.references == (drawn(seed_of(job.job_id, "smile", tried)),)
    assert [image.shot for image in result.images] == list(SHOTS)


def test_without_the_anchor_the_others_are_made_anew(place: Place) -> None:
    """Whose they are can't be told any more."""
    job = make_job()
    with pytest.raises(RenderProcessDied):
        place.run(Judge(job), Device(lives=2), gate="off")
    place.storage.delete(place.storage.keys.image_key(job, "smile"))
    device = Device()
    place.run(Judge(job), device, gate="off")
    assert [list(order) for order in device.orders] == [["smile"], ["front", "profile"]]


def test_a_report_takes_an_anchor_without_a_face(place: Place) -> None:
    job, device = make_job(), Device()
    judge = Judge(job, missing("smile", 0), has_faces=False)
    result = place.run(judge, device, gate="report")
    assert len(device.orders) == 2
    assert judge.subjects == ["any", "person", "any"]
    assert len(result.images) == len(SHOTS)
