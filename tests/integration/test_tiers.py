"""Tiers of projects: their queues in a real Redis, and the order in which kombu asks them."""

import json
from contextlib import suppress
from typing import Any

import pytest
from kombu import Consumer, Queue
from redis import Redis

from models.job import CloneJob
from tests.support.jobs.fairness import make_job
from tests.support.jobs.stored import claimed
from worker.base.settings import Settings
from worker.client import JobClient
from worker.node.reaper import Reaper
from worker.queue.fleet.backlog import BacklogReader
from worker.queue.jobs import JobStore, WaitingJob
from worker.queue.lanes import Lanes
from worker.queue.queue import JobQueue, make_app


def test_tiers_have_queues_of_their_own(settings: Settings, redis_client: Redis) -> None:
    tiered = settings.model_copy(update={"tiers": {"gold": ("project-1",)}})
    client, store = JobClient(tiered), JobStore(tiered)
    queue = JobQueue(tiered, store)
    gold, common = make_job(), make_job("project-2")
    for job in (gold, common):
        client.submit(job)
    queue.send_again(store.release(claimed(store, gold), "WORKER_DRAINS", handover=True))
    assert queue.depths() == {
        f"{settings.queue}.gold.again": 1,
        f"{settings.queue}.again": 0,
        f"{settings.queue}.gold": 1,
        settings.queue: 1,
    }


def test_a_job_waits_in_the_tier_that_it_chose_through_all_attempts(settings: Settings) -> None:
    tiered = settings.model_copy(update={"tiers": {"gold": (), "bulk": ("project-1",)}})
    client, store = JobClient(tiered), JobStore(tiered)
    queue = JobQueue(tiered, store)
    chosen = CloneJob.parse(make_job().to_data() | {"tier": "gold"})
    unknown = CloneJob.parse(make_job().to_data() | {"tier": "none"})
    for job in (chosen, unknown):
        client.submit(job)
    new = {f"{settings.queue}.gold": 1, f"{settings.queue}.bulk": 1, settings.queue: 0}
    assert queue.depths() == dict.fromkeys((f"{name}.again" for name in new), 0) | new
    lease = claimed(store, chosen)
    held = {tier.tier: tier.held for tier in BacklogReader(tiered).read().tiers}
    assert held == {"gold": 1, "bulk": 0, "default": 0}
    queue.send_again(store.release(lease, "WORKER_DRAINS", handover=True))
    queue.put_back(chosen.job_id, chosen.to_data(), chosen.project_id)
    assert queue.depths()[f"{settings.queue}.gold.again"] == 2


@pytest.mark.parametrize(
    ("changes", "served"),
    [
        ({}, "gold.again, again, gold, bulk, , gold, bulk, , gold"),
        ({"tier_order": "strict"}, "gold.again, again, gold, gold, gold, bulk, bulk, , "),
        ({"tier_order": "strict", "serves": ("default", "gold")}, "again, gold.again, , , gold, gold, gold"),
        ({"serves": ("bulk",)}, "bulk, bulk"),
    ],
)
def test_queues_are_served_by_their_order(settings: Settings, changes: dict[str, Any], served: str) -> None:
    tiered = settings.model_copy(update={"tiers": {"gold": ("g",), "bulk": ("b",)}, **changes})
    app = make_app(tiered)
    queue = JobQueue(tiered, JobStore(tiered), app)
    for project in ("d", "d", "b", "b", "g", "g", "g"):
        queue.send(WaitingJob(project, "{}", "0", project))
    for project in ("d", "g"):
        queue.put_back(project, {}, project)
    came: list[str] = []
    with app.connection_for_read() as connection:
        queues = [Queue(name)(connection.default_channel) for name in Lanes(tiered).served]
        consumer = Consumer(connection.default_channel, queues, auto_declare=False, no_ack=True)
        consumer.register_callback(lambda _, message: came.append(message.delivery_info["routing_key"]))
        with consumer, suppress(TimeoutError):
            while True:
                connection.drain_events(timeout=1)
    assert ", ".join(name.removeprefix(settings.queue).removeprefix(".") for name in came) == served


@pytest.mark.parametrize(
    ("order", "served"),
    [
        ("in-turn", "again0 again9 gold0 0 gold0 3 gold4 6 gold9 9"),
        ("strict", "again0 again9 gold0 gold0 gold4 gold9 0 3 6 9"),
    ],
)
def test_all_priorities_are_taken_and_a_tiers_higher_ones_first(
    settings: Settings, order: str, served: str
) -> None:
    """As Celery has it with Redis, 0 is the highest, and that of a message without any."""
    tiered = settings.model_copy(update={"tiers": {"gold": ("g",)}, "tier_order": order})
    app = make_app(tiered)
    for suffix in served.split():
        tier, priority = suffix[:-1], int(suffix[-1])
        queue = f"{settings.queue}.{tier}" if tier else settings.queue
        app.send_task("any", queue=queue, priority=priority or None, headers={"name": suffix})
    came: list[str] = []
    with app.connection_for_read() as connection:
        queues = [Queue(name)(connection.default_channel) for name in Lanes(tiered).served]
        consumer = Consumer(connection.default_channel, queues, auto_declare=False)
        consumer.register_callback(
            lambda _, message: (came.append(message.headers["name"]), message.ack())  # type: ignore[func-returns-value,arg-type]
        )
        with consumer, suppress(TimeoutError):
            while True:
                connection.drain_events(timeout=1)
    assert " ".join(came) == served


def test_jobs_of_a_tier_that_is_no_more_are_sent_elsewhere(
    settings: Settings, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.queue.jobs.store._LOST_AFTER_MS", 0)
    job = make_job()
    JobClient(settings.model_copy(update={"tiers": {"gold": ("project-1",)}})).submit(job)
    waits = make_job()
    JobClient(settings).submit(waits)
    store = JobStore(settings)
    Reaper(60, store, JobQueue(settings, store))._reap()
    tasks = [json.loads(text)["headers"]["id"] for text in redis_client.lrange(settings.queue, 0, -1)]
    assert tasks == [job.job_id, waits.job_id], "the second may just be far back"
    assert redis_client.llen(f"{settings.queue}.again") == 0


def test_a_lost_message_of_a_tier_is_told_from_what_waits_in_another(
    settings: Settings, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.queue.jobs.store._LOST_AFTER_MS", 0)
    tiered = settings.model_copy(update={"tiers": {"gold": ("project-1",)}})
    client, store = JobClient(tiered), JobStore(tiered)
    for job in (make_job(), make_job("project-2")):
        client.submit(job)
    redis_client.delete(f"{settings.queue}.gold")
    queue = JobQueue(tiered, store)
    Reaper(60, store, queue)._reap()
    assert [count for _, count in sorted(queue.depths().items())] == [1, 0, 0, 1]
