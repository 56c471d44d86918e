"""`likeness queue`, on a real Redis."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from redis import Redis

from models.operations import WorkerState
from tests.support.command import likeness
from tests.support.jobs.stored import make_job
from tests.support.workers import environment_of
from worker.base import settings as settings_module
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.fleet.backlog import BacklogReader
from worker.queue.fleet.presence import Presence
from worker.queue.jobs import JobStore


@pytest.fixture(autouse=True)
def _settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    settings_module.settings.cache_clear()
    yield
    settings_module.settings.cache_clear()


def test_it_prints_tiers_and_workers(settings: Settings) -> None:
    job = make_job()
    JobClient(settings).submit(job)
    assert JobStore(settings).claim(job, "here:1", None, "wrk_1").lease
    worker = WorkerState(
        worker="wrk_1",
        node="here:1",
        profile="embedded",
        device="cpu",
        reasons=("draining",),
        signer_ends=datetime(2027, 3, 1, 12, tzinfo=UTC),
    )
    Presence(settings).announce(worker)

    document = json.loads(likeness("queue", "--json"))
    (tier,) = document["tiers"]
    assert (tier["tier"], tier["waiting"], tier["held"]) == ("default", 1, 1)
    assert (document["deadLetters"], document["webhooksPending"]) == (0, 0)
    assert document["workers"][0]["jobs"][0]["jobId"] == job.job_id

    lines = [line.split() for line in likeness("queue").splitlines() if line.strip()]
    heading, tiers, _, workers, last, signer = lines
    assert heading[:4] == ["tier", "waiting", "parked", "held"]
    assert tiers[:4] == ["default", "1", "0", "1"]
    assert workers == ["wrk_1", "here:1", "embedded", "cpu", "draining", job.job_id]
    assert last == ["0", "dead", "letters,", "0", "webhooks", "pending"]
    assert signer[-3:] == ["ends", "on", "2027-03-01."]


def test_the_certificates_end_is_the_first_of_live_workers_or_the_last_that_was_told(
    settings: Settings, redis_client: Redis
) -> None:
    presence, backlog = Presence(settings), BacklogReader(settings)
    soon, late = (datetime(2027, month, 1, tzinfo=UTC) for month in (3, 9))
    assert backlog._look().signer_ends is None
    # A worker with the new certificate and, after it, one that was not restarted yet; one signs nothing.
    for node, ends in (("here:1", late), ("here:2", soon), ("here:3", late), ("here:4", None)):
        presence.announce(WorkerState(worker="wrk_1", node=node, profile="embedded", signer_ends=ends))
    assert backlog._look().signer_ends == soon
    # All are scaled away.
    redis_client.delete(*(f"{settings.redis_prefix}:node:here:{number}" for number in range(1, 5)))
    assert backlog._look().signer_ends == late
