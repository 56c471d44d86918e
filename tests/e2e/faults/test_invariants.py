"""Each checker bites: made-up violations, one after another, each told by the one checker that is there for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from models.errors import LikenessNotReached
from models.event import EventType, JobEvent
from models.job import CloneRequest, ReferenceSource
from models.manifest import Manifest
from models.record import JobError, JobRecord, JobResult, StoredImage
from tests.e2e.faults.invariants import (
    Rendered,
    Seen,
    Told,
    most_at_once,
    rendered_again,
    violations,
)
from worker.client import plan_clone
from worker.stack.samples import load_sample

NOW = datetime(2026, 11, 28, tzinfo=UTC)
SOURCE, _ = load_sample("maya")
JOB = plan_clone(
    SOURCE, CloneRequest(name="Maya B"), [ReferenceSource(asset_id="med_1")], ("front", "smile"), "job_1"
)
FOLDER = "folder/job_1"
MANIFEST = f"{FOLDER}/manifest.json"
EVIDENCE = f"{FOLDER}/evidence/smile.png"
OBJECTS = {
    key: key.encode()
    for shot in JOB.shots
    for key in (f"{FOLDER}/{shot}.png", f"{FOLDER}/thumbs/{shot}.webp")
}


def image(shot: str) -> StoredImage:
    key, thumbnail = f"{FOLDER}/{shot}.png", f"{FOLDER}/thumbs/{shot}.webp"
    return StoredImage(
        shot=shot,
        asset_id=f"med_{shot}",
        key=key,
        thumbnail_key=thumbnail,
        url="https://store/image",
        thumbnail_url="https://store/thumbnail",
        sha256=sha256(key.encode()).hexdigest(),
        thumbnail_sha256=sha256(thumbnail.encode()).hexdigest(),
        bytes=1,
        width=1,
        height=1,
        seed=1,
    )


IMAGES = tuple(image(shot) for shot in JOB.shots)
SIGNED_LATER = tuple(one.model_copy(update={"url": "https://store/image?later"}) for one in IMAGES)
OTHERS = tuple(one.model_copy(update={"seed": 2}) for one in IMAGES)


def manifest(images: tuple[StoredImage, ...] = IMAGES) -> bytes:
    document = Manifest(
        job_id=JOB.job_id,
        influencer_id=JOB.influencer_id,
        project_id=JOB.project_id,
        source_influencer_id=SOURCE.influencer_id,
        created_at=NOW,
        images=images,
    )
    return document.to_json().encode()


def result(images: tuple[StoredImage, ...] = IMAGES) -> JobResult:
    return JobResult(influencer=SOURCE, images=images, manifest_key=MANIFEST, manifest_url="https://store")


def record(status: Any, **fields: Any) -> JobRecord:
    return JobRecord(
        job_id=JOB.job_id,
        status=status,
        stage="queued" if status == "running" else "done",
        progress=1,
        sequence=2,
        influencer_id=JOB.influencer_id,
        project_id=JOB.project_id,
        location_url="/v1/jobs/job_1",
        submitted_at=NOW,
        updated_at=NOW,
        **fields,
    )


def events(*types: EventType) -> list[JobEvent]:
    return [
        JobEvent(
            type=kind,
            job_id=JOB.job_id,
            sequence=number,
            at=NOW,
            status="running",
            stage="queued",
            progress=0,
        )
        for number, kind in enumerate(types, start=1)
    ]


COMPLETED = Seen(
    job=JOB,
    kind="plain",
    folder=FOLDER,
    record=record("completed", result=result()),
    events=events("job.submitted", "job.completed"),
    objects={**OBJECTS, MANIFEST: manifest()},
    rendered=[Rendered("front", 1, 2), Rendered("smile", 2, 3)],
    stored={f"{FOLDER}/front.png": 2.5, f"{FOLDER}/smile.png": 3.5},
    told=[Told("evt_1", "job.completed", taken=False), Told("evt_1", "job.completed")],
)
MISSED = JobError(
    code=LikenessNotReached.code, message="It missed.", details={"missed": [{"evidenceKey": EVIDENCE}]}
)
FAILED = replace(
    COMPLETED,
    kind="misses",
    record=record("failed", error=MISSED),
    events=events("job.submitted", "job.failed"),
    objects={EVIDENCE: b"evidence"},
    told=[Told("evt_1", "job.failed")],
)
CANCELED = replace(
    COMPLETED,
    kind="canceled",
    record=record("canceled"),
    events=events("job.submitted", "job.canceled"),
    objects={},
    told=[Told("evt_1", "job.canceled")],
)


def changed(base: Seen, **fields: Any) -> Callable[[], Seen]:
    return lambda: replace(base, **fields)


def without(key: str) -> dict[str, bytes]:
    return {name: data for name, data in COMPLETED.objects.items() if name != key}


@pytest.mark.parametrize(
    "seen",
    [
        COMPLETED,
        FAILED,
        CANCELED,
        replace(COMPLETED, kind="canceled"),
        replace(COMPLETED, record=record("completed", result=result(SIGNED_LATER))),
        # Their clean-up met a fault, and left work for gc.
        replace(FAILED, collected=[f"{FOLDER}/front.png"]),
        replace(CANCELED, collected=[f"{FOLDER}/front.png"]),
    ],
)
def test_what_is_right_is_left_alone(seen: Seen) -> None:
    assert violations([seen], [*seen.objects, *seen.collected]) == []


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (changed(COMPLETED, record=None), "record is lost"),
        (
            changed(COMPLETED, record=record("running"), events=events("job.submitted"), told=[]),
            "never ended: queued",
        ),
        (changed(COMPLETED, events=events("job.submitted")), "0 terminal events"),
        (
            changed(COMPLETED, events=events("job.submitted", "job.completed", "job.completed")),
            "2 terminal events",
        ),
        (changed(COMPLETED, events=events("job.submitted", "job.failed")), "event says job.failed"),
        (
            changed(COMPLETED, events=events("job.submitted", "job.completed", "job.progress")),
            "go on after job.completed",
        ),
        (changed(COMPLETED, events=COMPLETED.events[1:]), "gaps"),
        (changed(FAILED, kind="plain"), "otherwise than failed"),
        (changed(CANCELED, kind="plain"), "otherwise than canceled"),
        (changed(COMPLETED, kind="misses"), "otherwise than completed"),
        (changed(COMPLETED, record=record("completed")), "without a result"),
        (changed(COMPLETED, objects=without(MANIFEST)), "manifest is missing"),
        (changed(COMPLETED, objects={**OBJECTS, MANIFEST: b"{"}), "manifest is missing or broken"),
        (changed(COMPLETED, objects={**OBJECTS, MANIFEST: manifest(OTHERS)}), "disagree"),
        (
            changed(
                COMPLETED,
                record=record("completed", result=result(IMAGES[:1])),
                objects={**dict(list(OBJECTS.items())[:2]), MANIFEST: manifest(IMAGES[:1])},
            ),
            "it has the images ['front']",
        ),
        (
            changed(
                COMPLETED,
                record=record("completed", result=result((*IMAGES, IMAGES[0]))),
                objects={**OBJECTS, MANIFEST: manifest((*IMAGES, IMAGES[0]))},
            ),
            "it has the images ['front', 'smile', 'front']",
        ),
        (changed(COMPLETED, objects=without(f"{FOLDER}/front.png")), "front.png is missing"),
        (changed(COMPLETED, objects=without(f"{FOLDER}/thumbs/smile.webp")), "smile.webp is missing"),
        (
            changed(COMPLETED, objects={**COMPLETED.objects, f"{FOLDER}/front.png": b"other"}),
            "front.png has another hash",
        ),
        (
            changed(COMPLETED, objects={**COMPLETED.objects, f"{FOLDER}/more.png": b"more"}),
            "more.png is in no manifest",
        ),
        (changed(COMPLETED, collected=[f"{FOLDER}/more.png"]), "more.png is in no manifest"),
        (changed(CANCELED, objects={f"{FOLDER}/front.png": b""}), "front.png is left over"),
        (changed(FAILED, objects={}), "smile.png is missing"),
        (changed(FAILED, objects={EVIDENCE: b"", f"{FOLDER}/front.png": b""}), "front.png is left over"),
        (changed(COMPLETED, rendered=[Rendered("front", 2.6, 3)]), "front was begun 0.10 s after its twin"),
        (changed(COMPLETED, told=[]), "never came through"),
        (changed(COMPLETED, told=[Told("evt_1", "job.completed", taken=False)]), "never came through"),
        (changed(COMPLETED, told=[*COMPLETED.told, Told("evt_2", "job.completed")]), "came with 2 ids"),
        (changed(COMPLETED, told=[*COMPLETED.told, Told("evt_1", "job.failed")]), "webhook says job.failed"),
    ],
)
def test_what_is_wrong_is_told(seen: Callable[[], Seen], told: str) -> None:
    made_up = seen()
    (found,) = violations([made_up], list(made_up.objects))
    assert told in found


def test_objects_of_no_job_are_told() -> None:
    assert violations([COMPLETED], [*COMPLETED.objects, "folder/job_9/front.png"]) == [
        "folder/job_9/front.png is no job's"
    ]


def test_a_webhook_id_of_two_jobs_is_told() -> None:
    assert violations([COMPLETED, CANCELED]) == ["two jobs share a webhook id"]


def test_a_limit_that_was_passed_is_told() -> None:
    def lasting(first: int, last: int) -> Seen:
        """With an event a second, an attempt after the first among them, and the end."""
        started: list[EventType] = ["job.started"]
        told: list[EventType] = [*started * (last - first), "job.completed"]
        at = [NOW + timedelta(seconds=second) for second in range(first, last + 1)]
        timed = [
            event.model_copy(update={"at": moment}) for event, moment in zip(events(*told), at, strict=True)
        ]
        return replace(COMPLETED, events=timed)

    jobs = [lasting(0, 4), lasting(1, 2), lasting(2, 3)]
    assert most_at_once(jobs) == 2
    assert most_at_once([*jobs, FAILED]) == 2, "that one was never begun"
    told = violations(jobs, limit=1)
    assert "2 jobs were begun at once" in told
    assert not [text for text in violations(jobs, limit=2) if "at once" in text]


def test_a_place_that_was_not_given_back_is_told() -> None:
    assert violations([COMPLETED], places=["faults:slots:p"]) == ["faults:slots:p is left over"]


def test_images_made_again_are_counted() -> None:
    again = [*COMPLETED.rendered, Rendered("smile", 3, 3.4)]
    assert rendered_again(COMPLETED) == 0
    assert rendered_again(replace(COMPLETED, rendered=again)) == 1
    assert rendered_again(replace(FAILED, rendered=again)) == 0, "another seed, on purpose"
