"""The likeness gate through a whole worker, on pictures made for it: what is taken, what is rendered again, what
fails, and what is left in the bucket."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from c2pa import Reader
from ulid import ULID

from models.derived import asset_id_of, seed_of
from models.event import JobEvent
from models.job import CloneJob, CloneRequest, ReferenceSource
from models.likeness import EmbedderName, Reason
from models.manifest import Manifest
from tests.support.doubles.picture_worker import Script, picture, script
from tests.support.workers import StartWorker, WorkerProcess, done, environment_of, follow, stored
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone
from worker.mark.inspection import inspect_image
from worker.stack import EmbeddedStack
from worker.stack.samples import load_sample
from worker.storage import Storage

MB = 1024 * 1024
JONAS = ("jonas 0", "jonas 1")
PlanPictures = Callable[..., CloneJob]


@pytest.fixture(scope="module")
def settings(stack: EmbeddedStack) -> Settings:
    mine = f"test-{uuid4().hex}"
    return stack.settings(
        queue=mine, redis_prefix=mine, s3_prefix=mine, gate="required", max_attempts_per_shot=2
    )


@pytest.fixture(scope="module")
def worker(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """One for all tests here."""
    log = tmp_path_factory.mktemp("gate") / "worker.log"
    process = WorkerProcess(environment_of(settings), log, module="tests.support.doubles.picture_worker")
    process.wait_ready()
    yield process
    assert process.stop() == 0


@pytest.fixture
def plan(storage: Storage) -> PlanPictures:
    """Make jobs for Jonas: `plan({"front": ["maya 0", "jonas 3"]})` renders Maya first."""
    source, _ = load_sample("jonas")

    def make(
        pictures: Script, references: tuple[str, ...] = JONAS, overrides: Any = None, **options: Any
    ) -> CloneJob:
        sources = []
        for name in references:
            asset_id = f"med_{name.replace(' ', '-')}"
            file = BytesIO()
            picture(name).save(file, "PNG")
            storage.put_image(
                storage.keys.media_key(source.project_id, asset_id), file.getvalue(), "image/png"
            )
            sources.append(ReferenceSource(asset_id=asset_id))
        job_id = f"job_{ULID()}"
        told = {"style": script(pictures), "vibe": job_id, **(overrides or {})}
        request = CloneRequest.parse({"name": "Jonas B", "overrides": told})
        return plan_clone(source, request, sources, tuple(pictures), job_id, **options)

    return make


def asked(worker: WorkerProcess) -> int:
    """How often the verify process was asked something."""
    return worker.log.read_text().count("verify.asked")


def seeds_missed(events: list[JobEvent]) -> list[tuple[str, int]]:
    return [(event.missed.shot, event.missed.seed) for event in events if event.missed]


def test_a_miss_is_rendered_again_with_the_next_seed(
    worker: WorkerProcess, client: JobClient, plan: PlanPictures, storage: Storage
) -> None:
    job = plan({"front": ["maya 0", "jonas 3"], "smile": ["jonas 4"]})
    record, events = done(client, job)
    assert record.result, record.error
    front, smile = record.result.images
    assert (front.seed, smile.seed) == (seed_of(job.job_id, "front", 1), seed_of(job.job_id, "smile"))
    assert seeds_missed(events) == [("front", seed_of(job.job_id, "front"))]
    assert len([event for event in events if event.image]) == 2
    for image in (front, smile):
        assert image.judgement
        assert image.judgement.verdict.outcome == "pass"
        assert image.judgement.embedder.files
        assert image.asset_id == asset_id_of(job.job_id, image.shot)

    manifest = Manifest.parse(storage.get(record.result.manifest_key, max_bytes=MB))
    assert manifest.images == record.result.images
    assert manifest.likeness == record.result.likeness
    assert manifest.likeness
    assert [one.used for one in manifest.likeness.references] == [True] * 2
    assert stored(storage, job) == {
        "front.png",
        "smile.png",
        "thumbs/front.webp",
        "thumbs/smile.webp",
        "manifest.json",
    }
    for image in manifest.images:
        png = storage.get(image.key, max_bytes=16 * MB)
        assert (sha256(png).hexdigest(), len(png)) == (image.sha256, image.bytes)
        said = inspect_image(png)
        assert (said.verdict, said.render and said.render["seed"]) == ("valid", str(image.seed))


@pytest.mark.parametrize(
    ("pictures", "reasons"),
    [
        ({"front": ["maya 0", "robin 0"]}, {"front": Reason.NOT_THE_SAME_FACE}),
        ({"front": ["jonas 1"]}, {"front": Reason.COPY_OF_REFERENCE}),
        (
            {"front": ["jonas 3"], "smile": ["jonas 3"], "serious": ["jonas 3"]},
            {"smile": Reason.TWIN, "serious": Reason.TWIN},
        ),
        ({"front": ["wall"]}, {"front": Reason.NO_FACE}),
    ],
    ids=["another person", "a copy of a reference", "the same image for all shots", "no face"],
)
def test_a_set_that_misses_the_likeness_fails_and_leaves_evidence_alone(
    pictures: Script,
    reasons: dict[str, Reason],
    worker: WorkerProcess,
    client: JobClient,
    plan: PlanPictures,
    storage: Storage,
) -> None:
    job = plan(pictures)
    record, events = done(client, job)
    assert record.error, record
    assert (record.status, record.error.code, record.error.retryable) == (
        "failed",
        "LIKENESS_NOT_REACHED",
        False,
    )
    assert record.attempts == 1, "nobody tries again what isn't the machine's fault"
    missed = {one["shot"]: one for one in record.error.details["missed"]}
    assert {shot: one["judgement"]["verdict"]["reasons"] for shot, one in missed.items()} == {
        shot: [reason] for shot, reason in reasons.items()
    }
    assert sorted(seeds_missed(events)) == sorted(
        (shot, seed_of(job.job_id, shot, attempt)) for shot in reasons for attempt in range(2)
    )
    # A job is final first, and then what isn't needed is removed.
    evidence_alone = {f"evidence/{shot}.png" for shot in reasons}
    deadline = time.monotonic() + 20
    while stored(storage, job) != evidence_alone and time.monotonic() < deadline:
        time.sleep(0.1)
    assert stored(storage, job) == evidence_alone
    for one in missed.values():
        evidence = storage.get(one["evidenceKey"], max_bytes=16 * MB)
        assert Reader("image/png", BytesIO(evidence)).get_validation_state() == "Valid"


def test_a_partial_set_is_taken_where_the_job_says_so(
    worker: WorkerProcess, client: JobClient, plan: PlanPictures, storage: Storage
) -> None:
    job = plan({"front": ["jonas 3"], "smile": ["maya 0"]}, accept_partial=True)
    record, _ = done(client, job)
    assert record.result, record.error
    assert [image.shot for image in record.result.images] == ["front"]
    assert len(record.result.influencer.reference_images) == 1
    assert record.result.likeness
    (missed,) = record.result.likeness.missed
    assert (missed.shot, missed.judgement.verdict.reasons) == ("smile", (Reason.NOT_THE_SAME_FACE,))
    assert missed.evidence_key == storage.keys.evidence_key(job, "smile")
    assert stored(storage, job) == {"front.png", "thumbs/front.webp", "evidence/smile.png", "manifest.json"}


def test_a_reference_that_shows_another_person_is_named_and_left_out(
    worker: WorkerProcess, client: JobClient, plan: PlanPictures, storage: Storage
) -> None:
    job = plan({"front": ["jonas 3"]}, references=("jonas 0", "maya 0", "jonas 1"))
    record, events = done(client, job)
    assert record.result, record.error
    (rejected,) = record.rejected_references
    assert (rejected.index, rejected.asset_id) == (1, "med_maya-0")
    assert rejected.code == "REFERENCE_SHOWS_ANOTHER"
    assert [event.reference for event in events if event.reference] == [rejected]
    manifest = Manifest.parse(storage.get(record.result.manifest_key, max_bytes=MB))
    assert [used.asset_id for used in manifest.references] == ["med_jonas-0", "med_jonas-1"]


def test_references_without_a_face_are_an_error_that_says_what_to_do(
    worker: WorkerProcess, client: JobClient, plan: PlanPictures
) -> None:
    record, _ = done(client, plan({"front": ["jonas 3"]}, references=("wall",)))
    assert record.error
    assert (record.error.code, record.attempts) == ("NO_USABLE_REFERENCE", 1)
    assert "subject" in record.error.message


def test_a_face_that_is_changed_on_purpose_widens_the_floor_and_the_record_says_so(
    worker: WorkerProcess, client: JobClient, plan: PlanPictures
) -> None:
    record, _ = done(client, plan({"front": ["jonas 3"]}, overrides={"ageRange": "60-70"}))
    assert record.result, record.error
    judgement = record.result.images[0].judgement
    assert judgement
    assert judgement.verdict.floor_widened


def test_a_verify_process_that_dies_costs_an_attempt_and_not_the_job(
    worker: WorkerProcess, client: JobClient, plan: PlanPictures
) -> None:
    old, before = worker.verify_pid, asked(worker)
    os.kill(old, signal.SIGSTOP)
    job = plan({"front": ["jonas 3"]})
    client.submit(job)
    while asked(worker) == before:
        time.sleep(0.1)
    os.kill(old, signal.SIGKILL)
    events = follow(client, job)
    assert events[-1].type == "job.completed", events[-1]
    assert [event.reason for event in events if event.reason] == ["VERIFY_PROCESS_DIED"]
    assert worker.verify_pid != old


def test_a_worker_whose_gate_can_not_be_loaded_does_not_start(start_worker: StartWorker) -> None:
    worker = start_worker(gate="report", embedder=EmbedderName.YUNET_SFACE)
    assert worker.process.wait(60) == 1
    assert "FACE_MODEL_MISSING" in worker.log.read_text()
