"""Whatever dies between a job's end and its webhook, the webhook arrives, under the same id."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from models.errors import QueueUnavailable
from tests.support.deliveries import StartReceiver, delivering, end, job_for, settled, to
from tests.support.jobs.stored import ERROR, claimed, result_of
from tests.support.servers.receiver import SECRET
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.webhooks.outbox import Outbox


def test_an_outage_of_redis_loses_nothing(
    settings: Settings, receive: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = receive()
    settings = to(receiver, settings, webhook_timeout=1)
    failures = {"take": 1, "note": 1}

    def flaky(name: str) -> None:
        call = getattr(Outbox, name)

        def once(*args: Any) -> Any:
            failures[name] -= 1
            if failures[name] >= 0:
                raise QueueUnavailable("gone")
            return call(*args)

        monkeypatch.setattr(Outbox, name, once)

    flaky("take")
    flaky("note")
    job = job_for(receiver.url())
    end(settings, job)
    with delivering(settings) as outbox:
        assert settled(outbox, job).tries == 2
    first, second = receiver.wait_for(2)
    assert first.webhook_id == second.webhook_id


def test_a_deliverer_that_is_killed_between_the_post_and_the_note_delivers_again(
    settings: Settings, receive: StartReceiver
) -> None:
    killed: list[int] = []

    def kill(_: object) -> None:
        if not killed:
            killed.append(process.pid)
            os.kill(process.pid, signal.SIGKILL)

    receiver = receive(on_request=kill)
    settings = to(receiver, settings, webhook_timeout=2)
    job = job_for(receiver.url())
    end(settings, job)
    environment = os.environ | {
        "LIKENESS_REDIS_URL": settings.redis_url.get_secret_value(),
        "LIKENESS_REDIS_PREFIX": settings.redis_prefix,
        "LIKENESS_ALLOW_HTTP_TO": receiver.address,
        "LIKENESS_WEBHOOK_SECRETS": SECRET,
        "LIKENESS_WEBHOOK_TIMEOUT": "2",
        "LIKENESS_WEBHOOK_SCHEDULE": json.dumps(settings.webhook_schedule),
    }
    command = [sys.executable, "-m", "worker", "webhooks", "deliver"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    assert process.wait(20) == -signal.SIGKILL
    assert Outbox(settings).deliveries()[0].state == "pending"
    with delivering(settings) as outbox:
        delivery = settled(outbox, job)
    first, second = receiver.wait_for(2)
    assert first.webhook_id == second.webhook_id == delivery.webhook_id
    assert (delivery.state, delivery.tries) == ("delivered", 2)


def test_a_zombies_end_is_told_to_nobody(settings: Settings) -> None:
    store = JobStore(settings.model_copy(update={"lease_ttl": 0.2}))
    job = job_for("https://a.example/hook")
    zombie = claimed(store, job, "zombie")
    time.sleep(0.25)
    heir = claimed(store, job, "heir")
    with pytest.raises(Exception, match="no longer"):
        store.fail(zombie, ERROR)
    assert Outbox(settings).deliveries() == []
    store.complete(heir, result_of(job))
    (delivery,) = Outbox(settings).deliveries()
    assert delivery.type == "job.completed"
