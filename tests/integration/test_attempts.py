"""What becomes of a job, by how its attempt ends: real Redis and S3, and a node whose device is a double."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import Reject
from redis import Redis

from models.derived import seed_of
from models.errors import (
    FaceModelMissing,
    LeaseLost,
    LikenessError,
    NoUsableReference,
    ProfileLoadFailed,
    QueueUnavailable,
    RenderError,
    StorageError,
    StorageRefused,
)
from models.job import CLONE, CloneJob
from models.manifest import Manifest, Provenance, UsedReference
from models.record import JobRecord, JobResult, Stage
from tests.support.jobs.node import DoubleNode, done, raising
from tests.support.jobs.stored import make_job, result_of
from worker.base.settings import Settings
from worker.mark.statement import Origin
from worker.node import app as app_module
from worker.node.consuming.messages import handle
from worker.node.reaper import Reaper
from worker.queue.jobs import JobStore
from worker.queue.jobs.dead import DeadLetters
from worker.run.drain import Drain
from worker.run.held import HandedBack, HeldJob
from worker.run.imagestore import ImageStore
from worker.run.run import run_job
from worker.run.shots import Made
from worker.run.steps import Equipment
from worker.storage import Storage


@pytest.fixture
def node(settings: Settings, storage: Storage) -> Any:
    return DoubleNode(settings, storage)


@pytest.fixture
def job() -> CloneJob:
    return make_job()


def run(node: Any, job: CloneJob) -> JobRecord:
    handle(node, job.to_data())
    record: JobRecord = node.store.get(job.job_id)
    return record


def counted(node: Any) -> str:
    body: bytes = node.observer.exposition("")[0]
    return body.decode()


def test_a_clone_that_ends_well_completes_the_job(node: Any, job: CloneJob) -> None:
    node.store.submit(job)
    assert run(node, job).status == "completed"
    assert 'likeness_jobs_total{code="",status="completed"} 1.0' in counted(node)
    assert 'likeness_queue_wait_seconds_bucket{le="60.0"} 1.0' in counted(node)
    assert 'likeness_stage_seconds_count{stage="fetching"} 1.0' in counted(node)


def test_the_end_of_a_job_sends_one_of_its_project_that_is_parked(
    settings: Settings, storage: Storage
) -> None:
    node: Any = DoubleNode(settings.model_copy(update={"project_limit": 1}), storage)
    first, second = make_job(), make_job()
    for job in (first, second):
        node.store.submit(job)
    node.attempt = raising(RenderError("x"))
    run(node, first)
    assert node.queue.depths()[settings.queue] == 0, "it goes on"
    node.attempt = lambda job, held: result_of(job)
    run(node, first)
    assert node.queue.depths()[settings.queue] == 1
    assert run(node, second).status == "completed"


@pytest.mark.parametrize("error", [RenderError("x"), StorageError("x"), ZeroDivisionError("secret")])
def test_what_another_attempt_can_help_is_tried_again(node: Any, job: CloneJob, error: Exception) -> None:
    node.attempt = raising(error)
    record = run(node, job)
    assert (record.status, record.stage) == ("running", "queued")
    assert record.last_error
    assert "secret" not in record.to_json()
    assert sum(node.queue.depths().values()) == 1, "the first retry is immediate"
    assert f'likeness_attempts_ended_early_total{{code="{record.last_error.code}"}} 1.0' in counted(node)
    assert "likeness_jobs_total{" not in counted(node)


def test_a_job_waits_for_a_store_that_is_away_when_it_begins(
    node: Any, job: CloneJob, redis_client: Redis
) -> None:
    node.settings = node.settings.model_copy(update={"max_attempts": 2, "retry_backoff_max": 3})
    node.attempt = raising(StorageError("away"))
    # At first the message goes out at once; then there are 2 seconds, and never more than the most.
    for delay in (None, 2, 3, 3, 3, 3):
        before = time.time()
        record = run(node, job)
        after = time.time()
        assert (record.status, record.stage) == ("running", "queued")
        due = redis_client.zscore(f"{node.settings.redis_prefix}:watch", job.job_id)
        if delay is None:
            assert due is None
        else:
            assert before + delay - 0.01 <= float(str(due)) / 1000 <= after + delay + 0.01
    node.attempt = lambda job, held: result_of(job)
    assert run(node, job).status == "completed"


@pytest.mark.parametrize(("patience", "stage"), [(0, "fetching"), (3600, "rendering")])
def test_a_store_that_is_away_for_too_long_or_fails_later_uses_attempts_up(
    node: Any, job: CloneJob, patience: float, stage: Stage
) -> None:
    node.settings = node.settings.model_copy(update={"max_attempts": 2, "outage_patience": patience})

    def clone(job: CloneJob, held: HeldJob) -> JobResult:
        if stage != "fetching":
            held.enter(stage)
        raise StorageError("away")

    node.attempt = clone
    assert [run(node, job).status for _ in range(2)] == ["running", "failed"]


def test_a_clean_up_that_a_drain_leaves_no_time_for_is_handed_over(
    node: Any, job: CloneJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel(job: CloneJob, held: HeldJob) -> JobResult:
        node.store.cancel(job.job_id)
        held.enter("rendering")
        raise AssertionError("it went on")

    node.attempt = cancel
    monkeypatch.setattr(node.images, "remove", lambda job: _raise(HandedBack()))
    record = run(node, job)
    assert (record.status, record.stage, record.cancel_requested) == ("running", "queued", True)
    assert sum(node.queue.depths().values()) == 1
    node.attempt = raising(NoUsableReference("Give one."))
    monkeypatch.setattr(node.images, "remove", lambda job, **_: _raise(HandedBack()))
    assert run(node, make_job()).status == "failed"


def _raise(error: Exception) -> None:
    raise error


def test_what_no_attempt_can_help_fails_at_once(node: Any, job: CloneJob) -> None:
    node.attempt = raising(NoUsableReference("Give one."))
    record = run(node, job)
    assert record.status == "failed"
    assert record.error
    assert record.error.code == "NO_USABLE_REFERENCE"
    assert 'likeness_jobs_total{code="NO_USABLE_REFERENCE",status="failed"} 1.0' in counted(node)
    assert not any(node.queue.depths().values())


@pytest.mark.parametrize("error", [ProfileLoadFailed("no device"), FaceModelMissing("no dlib")])
def test_a_worker_that_can_not_load_what_it_needs_leaves_and_the_job_is_not_blamed(
    node: Any, job: CloneJob, error: LikenessError
) -> None:
    node.attempt = raising(error)
    record = run(node, job)
    assert node.gave_up
    assert (record.status, record.stage, record.last_error) == ("running", "queued", None)
    claim = node.store.claim(job, "healthy")
    assert claim.lease
    assert claim.lease.counted == 1


def test_who_lost_the_job_removes_none_of_its_images(node: Any, job: CloneJob, storage: Storage) -> None:
    def lose_then_fail(job: CloneJob, held: HeldJob) -> JobResult:
        node.images.put(job, Made(done(job), Origin()), confirm=held.confirm)
        node.store.release(held.lease, "LEASE_EXPIRED")
        heir = node.store.claim(job, "heir")
        assert heir.lease
        node.store.complete(heir.lease, result_of(job))
        raise NoUsableReference("What a zombie finds.")

    node.attempt = lose_then_fail
    assert run(node, job).status == "completed"
    assert len(list(storage.list(storage.keys.job_prefix(job)))) == 2


def test_a_failed_job_leaves_no_image(node: Any, job: CloneJob, storage: Storage) -> None:
    def store_then_fail(job: CloneJob, held: HeldJob) -> JobResult:
        node.images.put(job, Made(done(job), Origin()), confirm=held.confirm)
        raise StorageRefused("no")

    node.attempt = store_then_fail
    assert run(node, job).status == "failed"
    assert list(storage.list(storage.keys.job_prefix(job))) == []


@pytest.mark.parametrize(
    ("error", "patience", "status"),
    [
        (StorageError("x"), 3600, "running"),
        (StorageError("x"), 0, "canceled"),
        (StorageRefused("x"), 3600, "canceled"),
    ],
)
def test_a_cancel_waits_for_a_store_that_may_come_back_and_not_forever(
    node: Any,
    job: CloneJob,
    error: LikenessError,
    patience: float,
    status: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node.settings = node.settings.model_copy(update={"outage_patience": patience})

    def refuse(job: CloneJob) -> None:
        raise error

    def cancel(job: CloneJob, held: HeldJob) -> JobResult:
        node.store.cancel(job.job_id)
        held.enter("rendering")
        raise AssertionError("it went on")

    node.attempt = cancel
    monkeypatch.setattr(node.images, "remove", refuse)
    assert run(node, job).status == status


def test_a_holder_whose_lease_ran_out_unnoticed_writes_nothing(
    settings: Settings, job: CloneJob, storage: Storage
) -> None:
    store = JobStore(settings.model_copy(update={"lease_ttl": 0.2}))
    claim = store.claim(job, "zombie")
    assert claim.lease
    held = HeldJob(store, claim.lease, Drain(60), time.monotonic() + 0.2)
    time.sleep(0.25)
    assert store.claim(job, "heir").verdict == "claimed"
    with pytest.raises(LeaseLost):
        ImageStore(settings, storage).put(job, Made(done(job), Origin()), confirm=held.confirm)
    assert list(storage.list(storage.keys.job_prefix(job))) == []


def test_a_message_that_nobody_foresaw_is_kept(
    node: Any, job: CloneJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.store, "claim", lambda *_: 1 / 0)
    handle(node, job.to_data())
    (letter,) = DeadLetters(node.settings).letters()
    assert (letter.message, letter.error.code) == (job.to_data(), "INTERNAL")


def test_a_job_that_this_worker_holds_is_not_begun_twice_after_an_outage(node: Any, job: CloneJob) -> None:
    node.attempt = raising(QueueUnavailable("gone"))
    record = run(node, job)
    assert (record.stage, record.attempts) == ("fetching", 1)


@pytest.mark.parametrize("told_by", ["a write", "the heartbeat", "its absence"])
def test_a_job_in_hand_outlives_the_loss_of_all_that_redis_had(
    node: Any, job: CloneJob, redis_client: Redis, told_by: str
) -> None:
    node.store.submit(job)

    def lose_all(job: CloneJob, held: HeldJob) -> JobResult:
        redis_client.delete(*redis_client.scan_iter(f"{node.settings.redis_prefix}:*"))
        node.attempt = lambda job, held: result_of(job)
        match told_by:
            case "a write":
                held.enter("rendering")
            case "the heartbeat":
                held.renew()
                held.raise_if_unwanted()
        raise QueueUnavailable("gone")

    node.attempt = lose_all
    record = run(node, job)
    assert (record.status, record.attempts) == ("completed", 1)
    code = "QUEUE_UNAVAILABLE" if told_by == "its absence" else "RECORD_LOST"
    assert f'likeness_attempts_ended_early_total{{code="{code}"}} 1.0' in counted(node)


def test_a_holder_that_fell_silent_is_counted_by_who_notices(
    settings: Settings, job: CloneJob, storage: Storage
) -> None:
    node: Any = DoubleNode(settings.model_copy(update={"lease_ttl": 0.2, "resend_after": 0.2}), storage)
    never_sent = make_job()
    node.store.submit(never_sent)
    assert node.store.claim(job, "silent").lease
    time.sleep(0.25)
    for _ in range(2):
        Reaper(60, node.store, node.queue, node.observer)._reap()
    assert 'likeness_attempts_ended_early_total{code="LEASE_EXPIRED"} 1.0' in counted(node)


def test_a_claim_waits_for_redis(node: Any, job: CloneJob, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, failures = node.store.claim, [QueueUnavailable("blip")]

    def flaky(*args: Any) -> Any:
        if failures:
            raise failures.pop()
        return claim(*args)

    monkeypatch.setattr(node.store, "claim", flaky)
    assert run(node, job).status == "completed"


def test_a_message_that_could_not_be_handled_goes_back_to_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise QueueUnavailable("gone")

    monkeypatch.setattr(app_module._process, "_node", SimpleNamespace())
    monkeypatch.setattr(app_module, "handle", unavailable)
    with pytest.raises(Reject) as caught:
        app_module.app.tasks[CLONE]({})
    assert vars(caught.value)["requeue"]


def test_a_job_whose_images_are_all_stored_needs_its_references_no_more(
    settings: Settings, job: CloneJob, storage: Storage
) -> None:
    store, images = JobStore(settings), ImageStore(settings, storage)
    first = store.claim(job, "first").lease
    assert first
    used = UsedReference(asset_id="med_1", sha256="0" * 64)
    store.update(first, None, fields={"provenance": Provenance(references=(used,)).to_data()})
    stored = images.put(job, Made(done(job, seed_of(job.job_id, "front")), Origin()), confirm=lambda: None)
    store.release(first, "LEASE_EXPIRED")
    second = store.claim(job, "second").lease
    assert second

    nothing: Any = SimpleNamespace()
    with ThreadPoolExecutor(1) as pool:
        held = HeldJob(store, second, Drain(60), time.monotonic() + 60)
        result = run_job(job, held, Equipment(nothing, images, nothing, pool, pool), None)
    (found,) = result.images
    fresh = {"url": found.url, "thumbnail_url": found.thumbnail_url}  # signed anew
    assert found == stored.model_copy(update=fresh), "hashes and all, as they were stored"
    manifest = Manifest.parse(storage.get(result.manifest_key, max_bytes=100_000))
    assert manifest.references == (used,)


def test_an_image_without_its_thumbnail_is_not_taken_for_stored(
    settings: Settings, job: CloneJob, storage: Storage
) -> None:
    images = ImageStore(settings, storage)
    stored = images.put(job, Made(done(job), Origin()), confirm=lambda: None)
    assert images.find(job, "front")
    storage.delete_prefix(stored.thumbnail_key.rpartition("/")[0])
    assert images.find(job, "front") is None


def test_a_refusal_that_only_the_job_meets_fails_the_job(node: Any, job: CloneJob) -> None:
    """The store takes what else this worker sends."""
    node.store.submit(job)
    node.attempt = raising(StorageRefused("Not this key."))

    record = run(node, job)

    assert record.error
    assert (record.status, record.error.code) == ("failed", "STORAGE_REFUSED")
    assert not node.must_hand_back()
