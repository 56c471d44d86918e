"""`likeness jobs` lists what Redis knows, by what is asked; `likeness watch` ends as its job did."""

import json

import pytest

from models.job import CloneJob
from models.record import JobError
from tests.support.jobs.stored import make_job
from worker.base.endings import ExitCode
from worker.base.settings import Settings
from worker.cli.jobs import watch
from worker.cli.jobs.listing import latest, run
from worker.queue.jobs import JobStore


def job(number: int, **fields: object) -> CloneJob:
    return make_job().model_copy(update={"job_id": f"job_{number}", **fields})


@pytest.fixture
def store(settings: Settings) -> JobStore:
    store = JobStore(settings)
    for number, organisation in enumerate(("acme", "acme", "studio"), start=1):
        store.submit(job(number, organisation=organisation))
    store.cancel("job_2")
    return store


def ids(settings: Settings, most: int = 50, **asked: str) -> list[str]:
    return [record.job_id for record in latest(settings, most, **asked)]


def test_it_lists_the_latest_first(store: JobStore, settings: Settings) -> None:
    assert set(ids(settings)) == {"job_1", "job_2", "job_3"}
    times = [record.submitted_at for record in latest(settings, 50)]
    assert times == sorted(times, reverse=True)
    assert ids(settings, most=1) == ids(settings)[:1]


def test_it_lists_what_is_asked(store: JobStore, settings: Settings) -> None:
    assert set(ids(settings, organisation="acme")) == {"job_1", "job_2"}
    assert ids(settings, organisation="acme", status="canceled") == ["job_2"]
    assert len(ids(settings, project_id=make_job().project_id)) == 3
    assert ids(settings, project_id="another") == []
    assert ids(settings, kind="influencer_create") == []


def test_another_prefix_is_another_deployment(store: JobStore, settings: Settings) -> None:
    # Its stars would match every prefix.
    assert ids(settings.model_copy(update={"redis_prefix": "*"})) == []


def test_it_prints_a_table_or_documents(
    store: JobStore,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("worker.cli.jobs.listing.settings", lambda: settings)
    run(50, as_json=True, status="canceled")
    assert json.loads(capsys.readouterr().out)["jobId"] == "job_2"
    run(50, as_json=False)
    table = capsys.readouterr().out
    assert table.count("influencer_clone") == 3
    assert "canceled" in table


def test_watch_ends_as_the_job_did(
    store: JobStore, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "settings", lambda: settings)
    assert watch.follow("job_2", as_json=False) is ExitCode.CANCELED
    assert capsys.readouterr().out.splitlines()[-1].endswith("canceled")
    mine = job(4)
    store.submit(mine)
    claim = store.claim(mine, "node")
    assert claim.lease
    store.fail(claim.lease, JobError(code="INTERNAL", message="A bug."))
    assert watch.follow("job_4", as_json=True) is ExitCode.FAILED
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"]["message"] == "A bug."
