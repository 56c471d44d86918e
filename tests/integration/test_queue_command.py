"""`likeness queue`, on a real Redis."""

import json
from collections.abc import Iterator

import pytest

from models.operations import WorkerState
from tests.support.command import likeness
from tests.support.jobs.stored import make_job
from tests.support.workers import environment_of
from worker.base import settings as settings_module
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.jobs import JobStore
from worker.queue.presence import Presence


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
        worker="wrk_1", node="here:1", profile="embedded", device="cpu", reasons=("draining",)
    )
    Presence(settings).announce(worker)

    document = json.loads(likeness("queue", "--json"))
    (tier,) = document["tiers"]
    assert (tier["tier"], tier["waiting"], tier["held"]) == ("default", 1, 1)
    assert (document["deadLetters"], document["webhooksPending"]) == (0, 0)
    assert document["workers"][0]["jobs"][0]["jobId"] == job.job_id

    lines = [line.split() for line in likeness("queue").splitlines() if line.strip()]
    heading, tiers, _, workers, last = lines
    assert heading[:4] == ["tier", "waiting", "parked", "held"]
    assert tiers[:4] == ["default", "1", "0", "1"]
    assert workers == ["wrk_1", "here:1", "embedded", "cpu", "draining", job.job_id]
    assert last == ["0", "dead", "letters,", "0", "webhooks", "pending"]
