"""The gauges of the queue: on the API's own port with a key, and on LIKENESS_HTTP_PORT without one."""

import socket
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.metrics import QueueMetrics
from api.rows.keys import SCOPES, create_key
from api.settings import ApiSettings
from models.operations import WorkerState
from tests.support.api.calls import error_of
from tests.support.api.client import Api
from tests.support.deliveries import job_for
from tests.support.jobs.stored import ERROR, claimed, make_job
from tests.support.servers.process import ApiProcess
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.fleet.backlog import BacklogReader
from worker.queue.fleet.presence import Presence
from worker.queue.jobs import JobStore

pytestmark = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


def test_a_scraper_with_a_key_gets_the_gauges(operator: Api, settings: Settings) -> None:
    store, presence = JobStore(settings), Presence(settings)
    jobs = [make_job(), make_job()]
    for job in jobs:
        JobClient(settings).submit(job)
    assert store.claim(jobs[0], "here:1", None, "wrk_1").lease
    assert store.claim(make_job(), "gone:1", None, "wrk_0").lease
    failed, told = make_job(), job_for("https://a.example/hook")
    store.fail(claimed(store, failed), ERROR)
    store.end_canceled(claimed(store, told))
    for number, ready in ((1, True), (2, True), (3, False)):
        presence.announce(
            WorkerState(worker=f"wrk_{number}", node=f"here:{number}", profile="embedded", ready=ready)
        )
    answer = operator.call("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = answer.text.splitlines()
    for line in (
        'likeness_queue_jobs{state="waiting",tier="default"} 2.0',
        'likeness_queue_jobs{state="parked",tier="default"} 0.0',
        'likeness_queue_jobs{state="held",tier="default"} 2.0',
        'likeness_workers{profile="embedded",ready="true"} 2.0',
        'likeness_workers{profile="embedded",ready="false"} 1.0',
        "likeness_dead_letters 1.0",
        "likeness_webhooks_pending 1.0",
    ):
        assert line in lines, answer.text
    (oldest,) = [line for line in lines if line.startswith('likeness_oldest_waiting_seconds{tier="default"}')]
    assert 0 < float(oldest.split()[1]) < 60
    # OpenMetrics for who asks for it.
    accepted = operator.call("GET", "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert accepted.headers["content-type"].startswith("application/openmetrics-text")
    assert accepted.text.endswith("# EOF\n")


def test_no_other_key_reads_them(app: FastAPI, api: Api) -> None:
    others = create_key(app.state.services.database, "acme", tuple(set(SCOPES) - {"operate"}))
    error_of(Api(app, others.secret).call("GET", "/metrics"), 403, "FORBIDDEN_SCOPE")
    error_of(api.call("GET", "/metrics", authorization=""), 401, "UNAUTHENTICATED")


def test_while_redis_is_away_the_queues_gauges_are_missing(operator: Api, settings: Settings) -> None:
    nowhere = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    metrics = QueueMetrics(BacklogReader(nowhere, patient=False))
    operator.app.state.services = replace(operator.services, metrics=metrics)
    answer = operator.call("GET", "/metrics")
    assert answer.status_code == 200
    assert "likeness_queue_jobs" not in answer.text
    again = operator.call("GET", "/metrics")
    assert 'likeness_service_errors_total{code="NO_ANSWER",service="redis"}' in again.text
    assert "process_resident_memory_bytes" in answer.text


def test_health_is_another_name_of_ready(api: Api) -> None:
    answer = api.call("GET", "/health", authorization="")
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "reasons": []})


def test_a_process_serves_probes_and_metrics_on_a_port_of_their_own(
    settings: Settings, api_settings: ApiSettings, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serving = settings.model_copy(update={"http_port": port})
    url = api_settings.database_url.get_secret_value()
    process = ApiProcess(serving, url, 3600, tmp_path / "api.log")
    try:
        process.wait_ready()
        for path, said in (
            ("/live", b'"ok": true'),
            ("/ready", b'"ok": true'),
            ("/metrics", b"likeness_dead"),
        ):
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200
            assert said in answer.read()
            connection.close()
    finally:
        process.kill()
