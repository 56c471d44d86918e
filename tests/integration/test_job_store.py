"""The job store against a real Redis: who may write, what is refused, what is never lost."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis

from models.errors import (
    CancelUnavailable,
    IdempotencyConflict,
    InvalidInput,
    LeaseLost,
    NotFound,
    QueueUnavailable,
)
from models.job import CloneJob, Job
from models.manifest import Provenance, UsedReference
from tests.support.jobs.stored import ERROR, SOURCE, claimed, make_job, result_of, short
from tests.support.jobs.submitted import submitted
from worker.base.settings import Settings
from worker.client import JobClient, plan_create
from worker.queue.jobs import JobStore
from worker.queue.jobs import store as store_module
from worker.queue.queue import JobQueue


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return JobStore(settings)


@pytest.fixture
def job() -> CloneJob:
    return make_job()


def test_a_job_submitted_twice_is_one_job(store: JobStore, job: CloneJob) -> None:
    assert store.submit(job)
    assert not store.submit(CloneJob.parse(job.to_json()))
    assert store.get(job.job_id).sequence == 1


@pytest.mark.parametrize("kind", ["influencer_clone", "influencer_create"])
def test_a_job_is_sent_to_its_kinds_task(settings: Settings, store: JobStore, kind: str) -> None:
    job: Job = make_job() if kind == "influencer_clone" else plan_create(SOURCE)
    tasks: list[str] = []
    app: Any = SimpleNamespace(send_task=lambda name, **how: tasks.append(name))
    JobQueue(settings, store, app).send(submitted(store, job))
    assert tasks == [kind] == [store.get(job.job_id).kind]


def test_other_content_under_a_known_id_is_refused(store: JobStore, job: CloneJob) -> None:
    store.submit(job)
    with pytest.raises(IdempotencyConflict):
        store.submit(make_job("Other", job.job_id))
    assert store.claim(make_job("Other", job.job_id), "me").verdict == "conflict"
    assert store.get(job.job_id).sequence == 1


def test_one_of_many_claims_wins(store: JobStore, job: CloneJob) -> None:
    store.submit(job)
    with ThreadPoolExecutor(16) as pool:
        verdicts = [c.verdict for c in pool.map(lambda n: store.claim(job, f"worker-{n}"), range(16))]
    assert sorted(verdicts) == ["claimed"] + ["held"] * 15
    assert store.get(job.job_id).attempts == 1


def test_a_message_without_a_submit_makes_the_record(store: JobStore, job: CloneJob) -> None:
    claimed(store, job)
    record = store.get(job.job_id)
    assert (record.stage, record.attempts, record.influencer_id) == ("fetching", 1, job.influencer_id)
    assert record.started_at is not None


def test_what_a_newer_version_wrote_is_read(settings: Settings, store: JobStore, job: CloneJob) -> None:
    """While a deployment is updated, newer workers write what older processes read."""
    claimed(store, job)
    redis: Any = store._redis
    later = {"code": "X", "message": "It failed.", "addedLater": 1}
    redis.hset(store._job_key(job.job_id), mapping={"error": json.dumps(later), "added_later": "1"})
    record = store.get(job.job_id)
    assert record.error
    assert (record.error.code, record.error.message) == ("X", "It failed.")
    key = f"{settings.redis_prefix}:events:{job.job_id}"
    events = redis.xrange(key)
    last = int(events[-1][0].partition("-")[0])
    redis.xadd(
        key,
        events[-1][1] | {"data": json.dumps({"added_later": 1, "error": later})},
        id=f"{last + 1}-0",
    )
    assert [event.sequence for event in store.events(job.job_id, last)] == [last + 1]


def test_an_expired_lease_is_fenced_from_every_write(settings: Settings, job: CloneJob) -> None:
    store = short(settings)
    old = claimed(store, job, "zombie")
    time.sleep(0.55)
    new = claimed(store, job, "heir")
    writes: list[Callable[[], object]] = [
        lambda: store.renew(old),
        lambda: store.update(old, "job.stage", stage="rendering"),
        lambda: store.complete(old, result_of(job)),
        lambda: store.fail(old, ERROR),
        lambda: store.end_canceled(old),
        lambda: store.release(old, "X"),
    ]
    before = store.get(job.job_id)
    for write in writes:
        with pytest.raises(LeaseLost):
            write()
    assert store.get(job.job_id) == before
    assert (before.attempts, new.attempt) == (2, 2)
    store.complete(new, result_of(job))


def test_a_holder_from_before_redis_lost_its_data_is_fenced(
    store: JobStore, job: CloneJob, settings: Settings, redis_client: Redis
) -> None:
    old = claimed(store, job, "zombie")
    redis_client.delete(*redis_client.scan_iter(f"{settings.redis_prefix}:*"))
    store.submit(job)
    new = claimed(store, job, "heir")
    with pytest.raises(LeaseLost):
        store.update(old, "job.stage", stage="rendering")
    with pytest.raises(LeaseLost):
        store.complete(old, result_of(job))
    store.complete(new, result_of(job))


def test_a_holder_from_before_redis_came_back_with_older_data_is_fenced(
    store: JobStore, job: CloneJob, settings: Settings, redis_client: Redis
) -> None:
    keys = [f"{settings.redis_prefix}:{kind}:{job.job_id}" for kind in ("job", "events")]
    store.release(claimed(store, job), "RENDER_FAILED", error=ERROR)
    for key in keys:
        redis_client.copy(key, f"{key}:older")
    old = claimed(store, job, "zombie")
    for key in keys:
        redis_client.copy(f"{key}:older", key, replace=True)
    time.sleep(0.01)  # no Redis is back sooner
    new = claimed(store, job, "heir")
    assert new.attempt == old.attempt
    with pytest.raises(LeaseLost):
        store.complete(old, result_of(job))
    store.complete(new, result_of(job))


def test_a_final_job_never_changes(store: JobStore, job: CloneJob) -> None:
    lease = claimed(store, job)
    store.complete(lease, result_of(job))
    final = store.get(job.job_id)
    for write in (lambda: store.fail(lease, ERROR), lambda: store.renew(lease)):
        with pytest.raises(LeaseLost):
            write()
    assert store.claim(job, "other").verdict == "final"
    assert store.cancel(job.job_id) == final
    assert store.get(job.job_id) == final
    assert final.progress == 1
    assert [e.type for e in store.events(job.job_id)] == ["job.submitted", "job.started", "job.completed"]


def test_progress_never_falls_and_events_have_no_gap(store: JobStore, job: CloneJob) -> None:
    lease = claimed(store, job)
    for progress in (0.2, 0.7, 0.4, 0.1):
        store.update(lease, "job.progress", progress=progress, shot="front", step=1, steps=4)
    events = list(store.events(job.job_id))
    assert [e.sequence for e in events] == list(range(1, 7))
    assert [e.progress for e in events] == [0, 0, 0.2, 0.7, 0.7, 0.7]
    assert store.get(job.job_id).progress == 0.7
    assert [e.sequence for e in store.events(job.job_id, after=4)] == [5, 6]


def test_the_event_stream_is_capped_and_a_watcher_sees_the_gap_and_the_end(
    settings: Settings, job: CloneJob
) -> None:
    capped = settings.model_copy(update={"event_limit": 100})
    store = JobStore(capped)
    lease = claimed(store, job)
    for _ in range(600):
        store.update(lease, "job.progress", shot="front", step=1, steps=4)
    sequences = [e.sequence for e in store.events(job.job_id)]
    # Redis trims by whole blocks, so a cap is nearly kept.
    assert 100 <= len(sequences) < 300
    assert sequences[-1] == 602
    store.complete(lease, result_of(job))
    first, second, *_, last = JobClient(capped).watch(job.job_id, after=1, timeout=5)
    assert first.sequence > 300, "those between are gone"
    assert second.sequence == first.sequence + 1
    assert (last.sequence, last.type, last.is_terminal) == (603, "job.completed", True)


def test_a_job_that_never_began_is_canceled_at_once(store: JobStore, job: CloneJob) -> None:
    store.submit(job)
    assert store.cancel(job.job_id) is None
    assert store.get(job.job_id).status == "canceled"
    assert store.claim(job, "late").verdict == "final"


def test_a_held_job_is_asked_to_stop(store: JobStore, job: CloneJob) -> None:
    lease = claimed(store, job)
    assert not store.renew(lease)
    assert store.cancel(job.job_id) is None
    assert store.get(job.job_id).cancel_requested
    assert store.renew(lease)
    assert store.update(lease, "job.stage", stage="finishing"), "a canceled job isn't committed"
    assert store.get(job.job_id).stage == "fetching"
    store.end_canceled(lease)
    assert store.get(job.job_id).status == "canceled"


def test_what_is_being_committed_can_not_be_canceled(store: JobStore, job: CloneJob) -> None:
    store.update(claimed(store, job), "job.stage", stage="finishing")
    with pytest.raises(CancelUnavailable) as caught:
        store.cancel(job.job_id)
    assert caught.value.details["subcode"] == "JOB_CANCEL_UNAVAILABLE"


def test_a_job_canceled_between_attempts_goes_to_a_worker_for_cleaning(
    store: JobStore, job: CloneJob
) -> None:
    store.release(claimed(store, job), "RENDER_PROCESS_DIED", delay=60, error=ERROR)
    store.cancel(job.job_id)
    assert store.get(job.job_id).status == "running"
    assert [w.job_id for w in store.due()] == [job.job_id], "it doesn't wait for its backoff"
    claim = store.claim(job, "cleaner")
    assert claim.verdict == "canceled"
    assert claim.lease
    store.end_canceled(claim.lease)


def test_attempts_are_capped_and_handovers_are_not_counted(settings: Settings, job: CloneJob) -> None:
    store = short(settings, max_attempts=2)
    store.release(claimed(store, job), "WORKER_DRAINS", handover=True)
    store.release(claimed(store, job), "RENDER_FAILED", error=ERROR)
    store.release(claimed(store, job), "RENDER_FAILED", error=ERROR)
    claim = store.claim(job, "third")
    assert claim.verdict == "exhausted"
    assert claim.last_error == ERROR
    assert store.get(job.job_id).attempts == 3


def test_the_watch_list_finds_what_was_never_sent(settings: Settings, job: CloneJob) -> None:
    store = short(settings)
    store.submit(job)
    assert store.due() == []
    time.sleep(0.55)
    (waiting,) = store.due()
    assert waiting.job_id == job.job_id
    assert CloneJob.parse(waiting.message) == job
    assert store.due() == [], "one reaper at a time"


def test_the_watch_list_finds_a_silent_holder(settings: Settings, job: CloneJob) -> None:
    store = short(settings)
    store.sent(submitted(store, job), "new")
    lease = claimed(store, job)
    store.renew(lease)
    time.sleep(0.55)
    (waiting,) = store.due()
    assert waiting.job_id == job.job_id
    with pytest.raises(LeaseLost):
        store.renew(lease)
    record = store.get(job.job_id)
    assert (record.stage, record.status) == ("queued", "running")
    assert list(store.events(job.job_id))[-1].reason == "LEASE_EXPIRED"


def test_a_note_of_sending_that_comes_late_changes_nothing(settings: Settings, job: CloneJob) -> None:
    store = short(settings)
    waiting = submitted(store, job)
    released = store.release(claimed(store, job), "RENDER_FAILED", error=ERROR)
    store.sent(waiting, "new")
    assert store.due() == [], "whoever released it sends it"
    time.sleep(0.55)
    assert [w.token for w in store.due()] == [released.token]


def test_leases_are_found_behind_thousands_of_waiting_jobs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_LOST_AFTER_MS", 0)
    store = short(settings)
    for _ in range(300):
        job = make_job()
        store.sent(submitted(store, job), "new")
    held = make_job()
    claimed(store, held)
    time.sleep(0.55)
    assert [w.job_id for w in store.due()] == [held.job_id]
    assert len(store.overdue(most=1000)) == 300


def test_a_message_that_was_overtaken_is_lost(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_LOST_AFTER_MS", 100)
    store = JobStore(settings)
    lost, later, other_lane = make_job(), make_job(), make_job()
    store.sent(submitted(store, lost), "new")
    store.sent(submitted(store, other_lane), "again")
    time.sleep(0.15)
    assert {w.job_id: is_lost for w, is_lost in store.overdue()} == {
        lost.job_id: False,
        other_lane.job_id: False,
    }
    store.sent(submitted(store, later), "new")
    claimed(store, later)
    time.sleep(0.15)
    assert {w.job_id: is_lost for w, is_lost in store.overdue()} == {
        lost.job_id: True,
        other_lane.job_id: False,
    }


def test_a_waiting_job_whose_message_is_refused_fails(store: JobStore, job: CloneJob) -> None:
    store.submit(job)
    store.refuse(job.to_data() | {"name": "forged"}, InvalidInput("No."))
    assert store.get(job.job_id).status == "running", "somebody else's message ends nothing"
    store.refuse(job.to_data(), InvalidInput("No."))
    record = store.get(job.job_id)
    assert (record.status, record.error and record.error.code) == ("failed", "VALIDATION")


def test_a_job_in_hand_is_not_failed_by_a_refusal(store: JobStore, job: CloneJob) -> None:
    claimed(store, job)
    store.refuse(job.to_data(), InvalidInput("No."))
    assert store.get(job.job_id).status == "running"


def test_what_the_images_came_from_outlives_an_attempt(store: JobStore, job: CloneJob) -> None:
    noted = Provenance(references=(UsedReference(asset_id="med_1", sha256="0" * 64),))
    lease = claimed(store, job)
    sequence = store.get(job.job_id).sequence
    store.update(lease, None, fields={"provenance": noted.to_data()})
    assert store.get(job.job_id).sequence == sequence, "it is no part of the record"
    store.release(lease, "RENDER_FAILED", error=ERROR)
    assert store.provenance(job.job_id) == noted
    assert store.provenance("job_other") == Provenance()


def test_records_expire_once_final(settings: Settings, job: CloneJob, redis_client: Redis) -> None:
    store = JobStore(settings.model_copy(update={"record_ttl": 1}))
    lease = claimed(store, job)
    keys = [f"{settings.redis_prefix}:{kind}:{job.job_id}" for kind in ("job", "events")]
    assert [redis_client.ttl(key) for key in keys] == [-1, -1]
    store.complete(lease, result_of(job))
    time.sleep(1.2)
    with pytest.raises(NotFound):
        store.get(job.job_id)
    assert not redis_client.keys(f"{settings.redis_prefix}:*:{job.job_id}")
    assert not redis_client.zcard(f"{settings.redis_prefix}:watch")


def test_a_dead_redis_is_a_coded_error(settings: Settings, job: CloneJob) -> None:
    store = JobStore(Settings(redis_url="redis://:hunter2@127.0.0.1:1/0"))
    with pytest.raises(QueueUnavailable) as caught:
        store.submit(job)
    assert "hunter2" not in str(caught.value)
