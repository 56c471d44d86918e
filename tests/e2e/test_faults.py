"""Faults on real processes: whatever dies, each job ends once and no image is made twice."""

import os
import signal
import threading
import time
from datetime import datetime

from models.event import JobEvent
from models.job import CloneJob
from tests.support.workers import SLOWLY, PlanJob, SlowWorkers, StartWorker, WorkerProcess, follow, wait_for
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.jobs import JobStore
from worker.queue.jobs.dead import DeadLetters
from worker.queue.queue import JobQueue, make_app
from worker.storage import Storage
from worker.webhooks.outbox import Outbox

SHOTS = ("front", "smile", "profile", "outdoor")


def time_of(storage: Storage, job: CloneJob, shot: str) -> datetime | None:
    found = storage.head(storage.keys.image_key(job, shot))
    return found.last_modified if found else None


def assert_completed_once(client: JobClient, job: CloneJob, events: list[JobEvent]) -> None:
    assert events[-1].type == "job.completed", events[-1]
    assert sum(e.is_terminal for e in events) == 1
    assert [e.sequence for e in events] == list(range(1, len(events) + 1))
    result = client.get(job.job_id).result
    assert result
    assert [i.shot for i in result.images] == list(job.shots)


def renderer_of(job: CloneJob, workers: list[WorkerProcess]) -> WorkerProcess:
    (busy,) = [w for w in workers if said("attempt.began", job, w)]
    return busy


def said(event: str, job: CloneJob, worker: WorkerProcess) -> bool:
    lines = worker.log.read_text().splitlines()
    return any(event in line and job.job_id in line for line in lines)


def test_one_message_delivered_to_two_workers_at_once(
    slow_workers: SlowWorkers, client: JobClient, plan: PlanJob, settings: Settings
) -> None:
    workers = slow_workers(2)
    job = plan(["front", "smile"])
    queue = JobQueue(settings, JobStore(settings), make_app(settings))
    barrier = threading.Barrier(4)

    def deliver() -> None:
        barrier.wait()
        queue.put_back(job.job_id, job.to_data(), job.project_id)

    senders = [threading.Thread(target=deliver) for _ in range(4)]
    JobStore(settings).submit(job)
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    events = follow(client, job)
    assert_completed_once(client, job, events)
    assert client.get(job.job_id).attempts == 1
    assert any(said("message.dropped", job, w) for w in workers)


def test_a_zombie_that_wakes_writes_nothing(
    slow_workers: SlowWorkers, client: JobClient, plan: PlanJob, storage: Storage, settings: Settings
) -> None:
    workers = slow_workers(2)
    job, next_job = plan(SHOTS), plan(["front"])
    # Nobody delivers here, so the outbox keeps what was put into it.
    job = CloneJob.parse(job.to_data() | {"callbackUrl": "https://example.com/hook"})
    client.submit(job)
    wait_for(client, job, "job.image_stored")
    zombie = renderer_of(job, workers)
    os.kill(zombie.process.pid, signal.SIGSTOP)
    assert_completed_once(client, job, follow(client, job))
    record = client.get(job.job_id)
    before = {o.key: o.last_modified for o in storage.list(storage.keys.job_prefix(job))}
    assert storage.keys.manifest_key(job) in before
    hooks = Outbox(settings).deliveries()
    assert [hook.job_id for hook in hooks] == [job.job_id]
    os.kill(zombie.process.pid, signal.SIGCONT)
    while not said("lease.lost", job, zombie):
        time.sleep(0.1)
    assert client.get(job.job_id) == record
    assert {o.key: o.last_modified for o in storage.list(storage.keys.job_prefix(job))} == before
    assert Outbox(settings).deliveries() == hooks
    (other,) = [w for w in workers if w is not zombie]
    other.stop()
    client.submit(next_job)
    assert follow(client, next_job)[-1].type == "job.completed", "it lives again"


def test_another_worker_finishes_what_a_killed_one_began(
    slow_workers: SlowWorkers, client: JobClient, plan: PlanJob, storage: Storage
) -> None:
    workers = slow_workers(2)
    job = plan(SHOTS)
    client.submit(job)
    first = wait_for(client, job, "job.image_stored").image
    assert first
    victim = renderer_of(job, workers)
    (heir,) = [w for w in workers if w is not victim]
    before = time_of(storage, job, first.shot)
    victim.kill()
    killed_at = time.time()

    events = follow(client, job)
    assert_completed_once(client, job, events)
    again = next(e for e in events if e.type == "job.started" and e.attempt == 2)
    assert again.at.timestamp() - killed_at < 10, "taken over within ten seconds"
    assert time_of(storage, job, first.shot) == before, "the stored image was left alone"
    rendered_again = [e.shot for e in events if e.sequence > again.sequence and e.type == "job.progress"]
    assert first.shot not in rendered_again
    assert client.get(job.job_id).attempts == 2
    assert heir.process.poll() is None


def test_a_killed_render_process_is_replaced(
    slow_workers: SlowWorkers, client: JobClient, plan: PlanJob, storage: Storage
) -> None:
    (worker,) = slow_workers(1)
    job = plan(SHOTS)
    client.submit(job)
    first = wait_for(client, job, "job.image_stored").image
    assert first
    before = time_of(storage, job, first.shot)
    old = worker.render_pid
    os.kill(old, signal.SIGKILL)

    events = follow(client, job)
    assert_completed_once(client, job, events)
    assert [e.reason for e in events if e.type == "job.requeued"] == ["RENDER_PROCESS_DIED"]
    assert time_of(storage, job, first.shot) == before
    record = client.get(job.job_id)
    assert record.attempts == 2
    assert record.last_error
    assert record.last_error.code == "RENDER_PROCESS_DIED"
    assert worker.render_pid != old
    assert worker.process.poll() is None


def test_a_hung_render_process_is_replaced(
    slow_workers: SlowWorkers, client: JobClient, plan: PlanJob
) -> None:
    (worker,) = slow_workers(1)
    job = plan(["front", "smile"])
    client.submit(job)
    wait_for(client, job, "job.progress")
    os.kill(worker.render_pid, signal.SIGSTOP)
    events = follow(client, job)
    assert_completed_once(client, job, events)
    assert [e.reason for e in events if e.type == "job.requeued"] == ["RENDER_STEP_HUNG"]


def test_a_job_that_kills_its_render_process_every_time_is_given_up(
    slow_workers: SlowWorkers, client: JobClient, plan: PlanJob, storage: Storage, settings: Settings
) -> None:
    (worker,) = slow_workers(1)
    job, behind = plan(SHOTS), [plan(["front"]) for _ in range(3)]
    for one in (job, *behind):
        client.submit(one)
    for attempt in (1, 2):
        for event in client.watch(job.job_id, timeout=60):
            if event.type == "job.progress" and client.get(job.job_id).attempts == attempt:
                os.kill(worker.render_pid, signal.SIGKILL)
                break
    assert follow(client, job)[-1].type == "job.failed"
    record = client.get(job.job_id)
    assert record.error
    assert record.error.code == "RENDER_PROCESS_DIED"
    assert record.attempts == 2
    # It is final before it is cleaned up.
    deadline = time.monotonic() + 20
    while list(storage.list(storage.keys.job_prefix(job))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(storage.list(storage.keys.job_prefix(job))) == []
    (letter,) = DeadLetters(settings).letters()
    assert (letter.letter_id, letter.error) == (job.job_id, record.error)
    for one in behind:
        assert_completed_once(client, one, follow(client, one))


def test_cancel_stops_the_device_within_a_step(
    slow_workers: SlowWorkers, client: JobClient, plan: PlanJob, storage: Storage
) -> None:
    slow_workers(1)
    job, next_job = plan(SHOTS), plan(["front"])
    client.submit(job)
    wait_for(client, job, "job.image_stored")
    assert client.cancel(job.job_id).accepted
    events = follow(client, job)
    assert events[-1].type == "job.canceled"
    asked = next(i for i, e in enumerate(events) if e.type == "job.cancel_requested")
    steps_after = [e for e in events[asked:] if e.type == "job.progress"]
    # Telling of a step is how the worker learns of it.
    assert len(steps_after) <= 1
    assert list(storage.list(storage.keys.job_prefix(job))) == []
    answer = client.cancel(job.job_id)
    assert (answer.accepted, answer.reason) == (False, "ALREADY_CANCELED")
    client.submit(next_job)
    assert follow(client, next_job)[-1].type == "job.completed", "the device is free again"


def test_a_draining_worker_finishes_what_it_can(
    slow_workers: SlowWorkers, client: JobClient, plan: PlanJob
) -> None:
    (worker,) = slow_workers(1)
    job, waiting = plan(SHOTS), plan(["front"])
    client.submit(job)
    wait_for(client, job, "job.progress")
    client.submit(waiting)
    wait_for(client, waiting, "job.started")
    assert worker.stop() == 0, worker.log.read_text()
    assert client.get(job.job_id).status == "completed"
    assert client.get(waiting.job_id).stage == "queued", "it was handed back, not begun"
    # The next test's worker would have it in hand.
    client.cancel(waiting.job_id)


def test_a_draining_worker_hands_its_job_over(
    start_worker: StartWorker, client: JobClient, plan: PlanJob, storage: Storage
) -> None:
    leaving = start_worker(drain_grace=0, **SLOWLY)
    leaving.wait_ready()
    job = plan(SHOTS)
    client.submit(job)
    first = wait_for(client, job, "job.image_stored").image
    assert first
    before = time_of(storage, job, first.shot)
    leaving.process.terminate()
    assert leaving.process.wait(20) == 0, leaving.log.read_text()
    record = client.get(job.job_id)
    assert (record.status, record.stage) == ("running", "queued")
    start_worker()
    events = follow(client, job)
    assert_completed_once(client, job, events)
    assert [e.reason for e in events if e.type == "job.requeued"] == ["WORKER_DRAINS"]
    assert time_of(storage, job, first.shot) == before


def test_a_job_whose_message_was_never_sent_is_found(
    worker: WorkerProcess, client: JobClient, plan: PlanJob, settings: Settings
) -> None:
    job = plan(["front"])
    # The producer dies between its two writes.
    JobStore(settings).submit(job)
    assert follow(client, job)[-1].type == "job.completed"
