"""`likeness webhooks` and `likeness dead`, on a real Redis."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from models.errors import InvalidInput, InvalidSettings, NotFound
from tests.support.command import likeness
from tests.support.deliveries import end, job_for
from tests.support.jobs.stored import ERROR, claimed, make_job
from tests.support.workers import environment_of
from worker.base import settings as settings_module
from worker.base.endings import ExitCode
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.webhooks.outbox import Outbox, Outcome


@pytest.fixture(autouse=True)
def _settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    settings_module.settings.cache_clear()
    yield
    settings_module.settings.cache_clear()


def test_deliveries_are_listed_and_replayed(settings: Settings) -> None:
    job, other = job_for("https://a.example/hook?token=sesame"), job_for("http://[::1]/hook")
    for each in (job, other):
        end(settings, each)
    outbox = Outbox(settings)
    for tried in outbox.take(2):
        outbox.note(tried, Outcome("failed", "410: this URL is not tried again", gone=True))
    shown = likeness("webhooks", "list")
    assert "sesame" not in shown
    (line,) = [line for line in shown.splitlines() if job.job_id in line]
    webhook_id = line.split()[0]
    assert all(word in line for word in ("job.completed", "failed", "410", "https://a.example/hook?…"))
    assert "http://[::1]/hook" in shown
    assert likeness("webhooks", "list", "--state", "pending", "--json") == ""

    replayed = json.loads(likeness("webhooks", "replay", webhook_id, "--json"))
    assert (replayed["jobId"], replayed["state"], replayed["tries"]) == (job.job_id, "pending", 0)
    (pending,) = likeness("webhooks", "list", "--state", "pending", "--json").splitlines()
    assert json.loads(pending)["nextTryAt"]
    with pytest.raises(NotFound):
        likeness("webhooks", "replay", "job_nope")


def test_nothing_is_delivered_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIKENESS_WEBHOOK_SECRETS")
    # In a process of its own, since a server takes over its process's logs and signals.
    command = (sys.executable, "-m", "worker", "webhooks", "deliver")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == ExitCode.UNUSABLE, done.stderr
    told = json.loads(done.stderr.splitlines()[-1])
    assert (told["event"], told["code"]) == ("process.failed", InvalidSettings.code)
    assert "LIKENESS_WEBHOOK_SECRETS" in told["error"]


def test_dead_letters_are_listed_shown_retried_and_dropped(settings: Settings) -> None:
    store, job = JobStore(settings), make_job()
    error = ERROR.model_copy(update={"message": "It [/broke]."})
    store.fail(claimed(store, job), error)
    (line,) = [line for line in likeness("dead", "list").splitlines() if job.job_id in line]
    assert "RENDER_FAILED" in line
    assert error.message in line
    assert json.loads(likeness("dead", "list", "--json"))["letterId"] == job.job_id
    assert likeness("dead", "list", "--code", "OTHER", "--json") == ""
    assert json.loads(likeness("dead", "show", job.job_id))["message"]["jobId"] == job.job_id

    new = json.loads(likeness("dead", "retry", job.job_id))
    assert new["jobId"] != job.job_id
    assert (new["status"], new["influencerId"]) == ("running", job.influencer_id)
    assert json.loads(likeness("dead", "retry", job.job_id))["jobId"] == new["jobId"]
    assert new["jobId"] in likeness("dead", "list")

    likeness("dead", "drop", job.job_id)
    assert likeness("dead", "list", "--json") == ""
    with pytest.raises(NotFound):
        likeness("dead", "show", job.job_id)


def test_many_dead_letters_are_retried_at_once(settings: Settings) -> None:
    store, started = JobStore(settings), datetime.now(UTC)
    jobs = [make_job() for _ in range(5)]
    codes = ["STORAGE_REFUSED"] * 3 + ["RENDER_FAILED"] * 2
    for job, code in zip(jobs, codes, strict=True):
        store.fail(claimed(store, job), ERROR.model_copy(update={"code": code}))
    store.refuse("no job", InvalidInput("No."))

    def retried(*options: str) -> int:
        return len(likeness("dead", "retry", *options).splitlines())

    tomorrow = f"{started + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"
    assert retried("--code", "STORAGE_REFUSED", "--since", tomorrow) == 0
    assert retried(jobs[0].job_id, jobs[1].job_id) == 2
    assert retried("--code", "STORAGE_REFUSED", "--since", f"{started:%Y-%m-%d}") == 1, "two were retried"
    assert retried("--all") == 2
    assert retried("--all") == 0
    for options in ((), (jobs[0].job_id, "--all")):
        with pytest.raises(InvalidInput, match="--code"):
            likeness("dead", "retry", *options)
