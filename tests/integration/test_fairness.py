"""A project's limit against a real Redis: what counts, what waits aside, and what lets it go on."""

import time
from collections.abc import Callable
from random import Random

import pytest
from redis import Redis

from models.job import CloneJob
from tests.support.jobs.fairness import ids, make_job
from tests.support.jobs.stored import ERROR, claimed, result_of
from worker.base.settings import Settings
from worker.client import JobClient
from worker.node.reaper import Reaper
from worker.queue.jobs import JobStore, Lease
from worker.queue.queue import JobQueue


def limited(settings: Settings, limit: int | None, **changes: object) -> JobStore:
    return JobStore(settings.model_copy(update={"project_limit": limit, **changes}))


class Places:
    """Who has a slot, and who is parked, as Redis has it."""

    def __init__(self, settings: Settings, client: Redis) -> None:
        self._prefix = settings.redis_prefix
        self._redis = client

    def slots(self, project: str = "project-1") -> set[str]:
        found: set[str] = self._redis.smembers(f"{self._prefix}:slots:{project}")  # type: ignore[assignment]
        return found

    def parked(self, project: str = "project-1") -> list[str]:
        found: list[str] = self._redis.zrange(f"{self._prefix}:parked:{project}", 0, -1)  # type: ignore[assignment]
        return found


@pytest.fixture
def places(settings: Settings, redis_client: Redis) -> Places:
    return Places(settings, redis_client)


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return limited(settings, 2)


def submitted(store: JobStore, count: int, project: str = "project-1") -> list[CloneJob]:
    jobs = [make_job(project) for _ in range(count)]
    for job in jobs:
        store.submit(job)
    return jobs


def test_what_is_beyond_the_limit_waits_aside(settings: Settings, places: Places) -> None:
    store = limited(settings, 2, resend_after=0.1)
    jobs = [make_job() for _ in range(4)]
    assert [bool(store.submit(job)) for job in jobs] == [True, True, False, False]
    other = make_job("project-2")
    assert store.submit(other), "another project's limit is its own"
    assert store.get(jobs[3].job_id).stage == "queued"
    assert places.slots() == {jobs[0].job_id, jobs[1].job_id}
    assert places.parked() == [jobs[2].job_id, jobs[3].job_id]
    time.sleep(0.15)
    assert sorted(ids(store.due())) == sorted(job.job_id for job in (jobs[0], jobs[1], other))
    assert not store.submit(jobs[3]), "it is known"
    assert store.get(jobs[3].job_id).sequence == 1


def test_messages_that_nobody_submitted_are_held_to_the_limit_when_they_come(
    store: JobStore, places: Places
) -> None:
    jobs = [make_job() for _ in range(3)]
    verdicts = [store.claim(job, "me").verdict for job in jobs]
    assert verdicts == ["claimed", "claimed", "parked"]
    record = store.get(jobs[2].job_id)
    assert (record.stage, record.attempts, record.sequence) == ("queued", 0, 1)
    assert places.parked() == [jobs[2].job_id]


ENDS: dict[str, Callable[[JobStore, CloneJob, Lease], object]] = {
    "completed": lambda store, job, lease: store.complete(lease, result_of(job)),
    "failed": lambda store, job, lease: store.fail(lease, ERROR),
    "canceled": lambda store, job, lease: store.end_canceled(lease),
}


@pytest.mark.parametrize("end", ENDS)
def test_each_end_lets_one_go(store: JobStore, places: Places, end: str) -> None:
    first, second, third, fourth = submitted(store, 4)
    lease = claimed(store, first)
    assert store.unpark() == []
    ENDS[end](store, first, lease)
    assert ids(store.unpark()) == [third.job_id], "the one that was submitted first"
    assert store.unpark() == []
    assert places.slots() == {second.job_id, third.job_id}
    assert places.parked() == [fourth.job_id]
    assert store.claim(first, "late").verdict == "final"
    assert store.unpark() == [], "a message that comes late frees nothing"
    claimed(store, third)


def test_a_job_that_never_began_leaves_its_place_too(settings: Settings, places: Places) -> None:
    store = limited(settings, 2)
    canceled, late = make_job(), make_job(expires_in=0.1)
    for job in (canceled, late):
        store.submit(job)
    third, fourth = submitted(store, 2)
    store.cancel(canceled.job_id)
    assert ids(store.unpark()) == [third.job_id]
    time.sleep(0.15)
    store.expire()
    assert ids(store.unpark()) == [fourth.job_id]
    assert places.slots() == {third.job_id, fourth.job_id}


def test_parked_jobs_can_be_canceled_and_expire(store: JobStore, places: Places) -> None:
    first, _ = submitted(store, 2)
    canceled, late, last = make_job(), make_job(expires_in=0.1), make_job()
    for job in (canceled, late, last):
        assert not store.submit(job)
    assert store.cancel(canceled.job_id) is None
    assert store.get(canceled.job_id).status == "canceled"
    time.sleep(0.15)
    assert store.expire() == [late.job_id]
    assert places.parked() == [last.job_id]
    store.complete(claimed(store, first), result_of(first))
    assert ids(store.unpark()) == [last.job_id]


def test_a_job_keeps_its_slot_through_all_its_attempts(settings: Settings, places: Places) -> None:
    """One that fails again and again would else let in one more each time, and they are all served first."""
    store = limited(settings, 1, lease_ttl=0.2)
    first, second = submitted(store, 2)
    store.release(claimed(store, first), "RENDER_FAILED", error=ERROR)
    store.release(claimed(store, first), "WORKER_DRAINS", handover=True)
    assert store.unpark() == []
    claimed(store, first, "dies")
    time.sleep(0.25)
    assert [(w.job_id, w.is_begun) for w in store.due()] == [(first.job_id, True)]
    assert store.unpark() == []
    lease = claimed(store, first, "heir")
    assert (places.slots(), places.parked()) == ({first.job_id}, [second.job_id])
    store.complete(lease, result_of(first))
    assert ids(store.unpark()) == [second.job_id]


def test_jobs_that_were_begun_before_there_were_slots_go_past_the_limit(
    settings: Settings, redis_client: Redis, places: Places
) -> None:
    old, other = make_job(), make_job()
    store = limited(settings, None)
    for job in (old, other):
        store.release(claimed(store, job), "WORKER_DRAINS", handover=True)
    redis_client.delete(f"{settings.redis_prefix}:slots:project-1")
    store = limited(settings, 1)
    leases = [claimed(store, job) for job in (old, other)]
    assert places.slots() == {old.job_id, other.job_id}
    (third,) = submitted(store, 1)
    store.complete(leases[0], result_of(old))
    assert store.unpark() == []
    store.complete(leases[1], result_of(other))
    assert ids(store.unpark()) == [third.job_id]


def test_a_second_message_changes_nothing(store: JobStore, places: Places) -> None:
    first, second, third, _ = submitted(store, 4)
    lease = claimed(store, first)
    assert store.claim(first, "other").verdict == "held"
    before = (places.slots(), places.parked())
    assert store.claim(third, "other").verdict == "parked"
    assert (places.slots(), places.parked()) == before
    store.complete(lease, result_of(first))
    assert store.claim(make_job(), "other").verdict == "parked", "it doesn't overtake"
    assert ids(store.unpark()) == [third.job_id]
    claimed(store, third)
    claimed(store, second)


def test_a_note_of_sending_that_comes_late_leaves_a_parked_job_alone(
    settings: Settings, redis_client: Redis
) -> None:
    unlimited, store = limited(settings, None), limited(settings, 1)
    claimed(store, make_job())
    # Its producer knows of no limit, and its worker is quicker than its producer's note, or is not.
    for quick in (True, False):
        job = make_job()
        waiting = unlimited.submit(job)
        assert waiting
        if not quick:
            store.sent(waiting, "new")
        assert store.claim(job, "me").verdict == "parked"
        store.sent(waiting, "new")
        for watched in ("watch", "sent"):
            assert redis_client.zscore(f"{settings.redis_prefix}:{watched}", job.job_id) is None


def test_a_message_that_is_parked_has_overtaken_those_that_got_lost(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.queue.jobs.store._LOST_AFTER_MS", 100)
    unlimited, store = limited(settings, None), limited(settings, 1)
    lost, later = make_job("project-2"), make_job()
    claimed(store, make_job())
    for job in (lost, later):
        waiting = unlimited.submit(job)
        assert waiting
        store.sent(waiting, "new")
        time.sleep(0.15)
    assert store.claim(later, "me").verdict == "parked"
    assert [(w.job_id, is_lost) for w, is_lost in store.overdue()] == [(lost.job_id, True)]


def test_a_job_that_was_let_go_and_not_sent_is_due(settings: Settings) -> None:
    store = limited(settings, 1, resend_after=0.1)
    first, second = submitted(store, 2)
    store.complete(claimed(store, first), result_of(first))
    assert ids(store.unpark()) == [second.job_id]
    time.sleep(0.15)
    assert [(w.job_id, w.is_begun) for w in store.due()] == [(second.job_id, False)]


def test_a_limit_can_change(settings: Settings, places: Places) -> None:
    jobs = submitted(limited(settings, 1), 7)
    claimed(limited(settings, None), jobs.pop())
    assert places.parked() == [job.job_id for job in jobs[1:]], "a message of it was still there"
    assert ids(limited(settings, 4).unpark()) == [job.job_id for job in jobs[1:3]]
    time.sleep(1.05)
    assert limited(settings, 1).unpark() == [], "it fell, and those that are on their way go on"
    time.sleep(1.05)
    assert ids(limited(settings, None).unpark(most=2)) == [job.job_id for job in jobs[3:5]]
    assert ids(limited(settings, None).unpark(most=2)) == [jobs[5].job_id]
    assert places.parked() == []
    later = make_job()
    assert limited(settings, None).submit(later)
    assert later.job_id not in places.slots(), "without a limit, what only waits has none"


def test_projects_without_room_are_looked_at_once_a_second(settings: Settings, redis_client: Redis) -> None:
    def now() -> float:
        seconds, microseconds = redis_client.time()
        return float(seconds + microseconds / 1e6)

    # On a busy machine a second is soon over. Only what two calls within one say counts.
    for project in map(str, range(20)):
        _, second, third = submitted(limited(settings, 1), 3, project)
        began = now()
        assert ids(limited(settings, 2).unpark()) == [second.job_id]
        found = ids(limited(settings, 3).unpark())
        if now() - began < 1:
            break
    assert third.job_id not in found
    time.sleep(1.05)
    assert third.job_id in ids(limited(settings, 3).unpark())


def test_a_slot_of_a_job_that_is_no_more_comes_back(
    settings: Settings, store: JobStore, redis_client: Redis
) -> None:
    gone, second, third = submitted(store, 3)
    redis_client.delete(f"{settings.redis_prefix}:job:{gone.job_id}")
    assert store.unpark() == []
    time.sleep(1.05)
    assert ids(store.unpark()) == [third.job_id]
    claimed(store, second)


def test_projects_that_wait_for_room_keep_no_others_waiting(settings: Settings) -> None:
    store = limited(settings, 1)
    for number in range(5):
        submitted(store, 2, f"full-{number}")
    first, second = submitted(store, 2, "free")
    store.complete(claimed(store, first), result_of(first))
    found = [job for _ in range(6) for job in ids(store.unpark(most=1))]
    assert found == [second.job_id]


def test_no_call_names_more_than_it_is_asked_for(settings: Settings) -> None:
    jobs = [job for project in ("a", "b") for job in submitted(limited(settings, 1), 3, project)]
    unlimited = limited(settings, None)
    found = [ids(unlimited.unpark(most=3)), ids(unlimited.unpark(most=3))]
    assert [len(some) for some in found] == [3, 1]
    assert {*found[0], *found[1]} == {job.job_id for job in (*jobs[1:3], *jobs[4:])}


def test_a_reaper_sends_what_has_room_behind_new_jobs(settings: Settings, redis_client: Redis) -> None:
    one = settings.model_copy(update={"project_limit": 1})
    client, store = JobClient(one), JobStore(one)
    first, second = make_job(), make_job()
    for job in (first, second):
        client.submit(job)
    assert redis_client.llen(settings.queue) == 1
    store.complete(claimed(store, first), result_of(first))
    reaper = Reaper(0.05, store, JobQueue(one, store))
    reaper.start()
    deadline = time.monotonic() + 10
    while redis_client.llen(settings.queue) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    reaper.stop()
    assert redis_client.llen(settings.queue) == 2
    assert redis_client.llen(f"{settings.queue}.again") == 0
    assert store.due() == []


def test_a_new_job_that_was_never_sent_goes_behind_the_others(
    settings: Settings, redis_client: Redis
) -> None:
    store = limited(settings, 1, resend_after=0)
    store.submit(make_job())
    Reaper(60, store, JobQueue(settings, store))._reap()
    assert redis_client.llen(settings.queue) == 1


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_count_is_right(
    settings: Settings, places: Places, redis_client: Redis, seed: int
) -> None:
    """Two hundred calls at random; after each, who has a slot is what the records say."""
    random = Random(seed)
    limit, projects = 2, ("project-1", "project-2")
    store = limited(settings, limit)
    jobs: list[CloneJob] = []
    leases: dict[str, Lease] = {}
    most_begun = 0

    def claim(job: CloneJob) -> None:
        answer = store.claim(job, "me")
        if answer.lease:
            leases[job.job_id] = answer.lease

    def end(job: CloneJob) -> None:
        if lease := leases.pop(job.job_id, None):
            random.choice(list(ENDS.values()))(store, job, lease)

    def let_go(job: CloneJob) -> None:
        if lease := leases.pop(job.job_id, None):
            store.release(lease, "RENDER_FAILED", error=ERROR, handover=True)

    def fall_silent(job: CloneJob) -> None:
        if leases.pop(job.job_id, None):
            redis_client.hset(f"{settings.redis_prefix}:job:{job.job_id}", "lease_until", 1)
            redis_client.zadd(f"{settings.redis_prefix}:watch", {job.job_id: 1})
            if random.random() < 0.5:
                store.due()

    def look_again(job: CloneJob) -> None:
        redis_client.zadd(f"{settings.redis_prefix}:parked", {job.project_id: 1}, xx=True)
        store.unpark()
        for project in projects:
            assert not places.parked(project) or len(places.slots(project)) >= limit

    actions: list[Callable[[CloneJob], object]] = [
        store.submit,
        claim,
        claim,
        claim,
        end,
        let_go,
        fall_silent,
        lambda job: store.cancel(job.job_id),
        look_again,
    ]
    for _ in range(200):
        if not jobs or random.random() < 0.3:
            jobs.append(make_job(random.choice(projects)))
            (store.submit if random.random() < 0.6 else claim)(jobs[-1])
        random.choice(actions)(random.choice(jobs))
        records = [record for record in store.records([job.job_id for job in jobs]) if record]
        for project in projects:
            running = {r.job_id for r in records if r.project_id == project and not r.is_final}
            begun = {r.job_id for r in records if r.job_id in running and r.attempts}
            slots, parked = places.slots(project), set(places.parked(project))
            assert slots | parked == running
            assert not slots & parked
            assert begun <= slots
            assert len(slots) <= limit
            most_begun = max(most_begun, len(begun))
    assert most_begun == limit, "it was reached"
