"""The database away: a real PostgreSQL that is killed and comes back, and one that isn't there at the start."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from api.app import make_app
from api.http.call import Services
from api.rows.keys import create_key
from api.settings import ApiSettings, api_settings
from tests.e2e.faults.proxies import TcpProxy
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, message_of, on_a_port, result_of
from tests.support.servers.postgresql import PostgreSQL, binaries, running
from tests.support.servers.process import ApiProcess
from worker.base.settings import Settings
from worker.cli import main
from worker.queue.jobs import JobStore
from worker.stack import EmbeddedStack


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """One of these tests' own, that they kill."""
    folder = binaries()
    assert folder, "PostgreSQL's server isn't installed"
    with running(folder, tmp_path_factory.mktemp("killed") / "server.log") as started:
        yield started


def probe(api: Api, path: str) -> tuple[int, list[str]]:
    """The answer to a probe, which has no key."""
    answer = api.run(lambda client: client.get(f"/{path}"))
    return answer.status_code, answer.json()["reasons"]


def test_calls_get_a_coded_503_and_rows_follow_afterwards(
    server: PostgreSQL, settings: Settings, store: JobStore
) -> None:
    chosen = ApiSettings(database_url=SecretStr(server.new()), api_rate=1000)
    app = make_app(settings, chosen)
    services: Services = app.state.services
    services.database.migrate()
    api = Api(app, create_key(services.database, "acme").secret)
    path = f"/v1/influencers/{api.source()}/clone"
    job = message_of(store, api.call("POST", path, {"name": "B"}).json()["jobId"])
    services.landing.sweep()
    store.complete(begin(store, job), result_of(job))
    assert probe(api, "ready") == (200, [])
    server.kill()
    for method, where, body in (
        ("GET", f"/v1/influencers/{job.influencer_id}", None),
        ("POST", path, {"name": "C"}),
        ("POST", "/v1/projects", {"name": "Spring"}),
    ):
        error = error_of(api.call(method, where, body), 503, "DATABASE_UNAVAILABLE")
        assert "LIKENESS_DATABASE_URL" in error["message"]
        assert error["details"] == {}
    time.sleep(1.1)  # what a probe saw last holds for a second
    assert probe(api, "ready") == (503, ["the database doesn't answer"])
    assert probe(api, "live") == (200, [])
    server.start()
    assert api.call("POST", path, {"name": "C"}).status_code == 202
    time.sleep(1.1)
    assert probe(api, "ready") == (200, [])
    services.landing.sweep()
    answer = api.call("GET", f"/v1/influencers/{job.influencer_id}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "ready"
    services.database.close()


def test_a_start_waits_for_the_database_and_ends_while_it_waits(
    server: PostgreSQL, settings: Settings, tmp_path: Path
) -> None:
    url = server.new()
    server.kill()
    patient = ApiProcess(settings, url, 0.5, tmp_path / "patient.log")
    impatient = ApiProcess(settings, url, 0.5, tmp_path / "impatient.log")
    try:
        for process in (patient, impatient):
            deadline = time.monotonic() + 240
            while not process.logged("database.unavailable"):
                assert process.process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        impatient.process.send_signal(signal.SIGTERM)
        assert impatient.process.wait(60) == 128 + signal.SIGTERM
        server.start()
        patient.wait_ready()
        assert "Traceback" not in (tmp_path / "patient.log").read_text()
    finally:
        patient.kill()
        impatient.kill()


def test_keys_create_says_a_sentence(
    server: PostgreSQL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "postgresql+psycopg://likeness:s3cret@127.0.0.1:1/likeness"
    for url in (nowhere, server.url("no_such_database"), "sqlite:////nowhere/at/all.db"):
        monkeypatch.setenv("LIKENESS_DATABASE_URL", url)
        api_settings.cache_clear()
        monkeypatch.setattr("sys.argv", ["likeness", "keys", "create", "acme"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        told = capsys.readouterr()
        assert told.err.count("\n") == 1
        assert "LIKENESS_DATABASE_URL" in told.err
        assert "DATABASE_UNAVAILABLE" in told.err
        assert "s3cret" not in told.err + told.out
    api_settings.cache_clear()


def test_a_silent_redis_holds_no_call_up_for_long(
    settings: Settings, stack: EmbeddedStack, tmp_path: Path
) -> None:
    proxy = TcpProxy(stack.redis.port)
    url = SecretStr(f"redis://{proxy.address}/0")
    chosen = ApiSettings(database_url=SecretStr(f"sqlite:///{tmp_path}/api.db"))
    app = make_app(settings.model_copy(update={"redis_url": url}), chosen)
    services: Services = app.state.services
    services.database.migrate()
    api = Api(app, create_key(services.database, "acme").secret)
    path = f"/v1/influencers/{api.source()}/clone"
    headers = {"Authorization": f"Bearer {api.secret}"}
    try:
        with (
            on_a_port(app) as port,
            # A patient client of Redis would take longer than this.
            httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client,
        ):
            known = client.post(path, json={"name": "B"}).json()["jobId"]
            with proxy.blackhole():
                # It is recorded, and will be submitted.
                promised = client.post(path, json={"name": "C"})
                assert promised.status_code == 202
                error_of(client.get(f"/v1/jobs/{known}"), 503, "QUEUE_UNAVAILABLE")
            assert client.get(f"/v1/jobs/{promised.json()['jobId']}").json()["status"] == "running"
    finally:
        proxy.stop()


def test_streams_say_that_they_have_nothing_new_while_redis_is_away(
    settings: Settings, stack: EmbeddedStack, store: JobStore, tmp_path: Path, logged: list[Any]
) -> None:
    proxy = TcpProxy(stack.redis.port)
    url = SecretStr(f"redis://{proxy.address}/0")
    app = make_app(
        settings.model_copy(update={"redis_url": url}),
        ApiSettings(database_url=SecretStr(f"sqlite:///{tmp_path}/api.db")),
    )
    services: Services = app.state.services
    services.database.migrate()
    api = Api(app, create_key(services.database, "acme").secret)
    job_id = api.call("POST", f"/v1/influencers/{api.source()}/clone", {"name": "B"}).json()["jobId"]
    services.landing.sweep()
    headers = {"Authorization": f"Bearer {api.secret}"}
    try:
        with (
            on_a_port(app) as port,
            httpx2.stream(
                "GET", f"http://127.0.0.1:{port}/v1/jobs/{job_id}/events", headers=headers, timeout=60
            ) as told,
        ):
            lines = told.iter_lines()
            assert next(line for line in lines if line.startswith("id:")) == "id: 1"
            with proxy.down():
                assert next(line for line in lines if line.startswith(":")) == ": the queue can't be read"
                time.sleep(1.5)  # some more reads
                begin(store, message_of(store, job_id))
            assert next(line for line in lines if line.startswith("id:")) == "id: 2"
            assert next(line for line in lines if line.startswith(":")) == ": the queue can be read again"
    finally:
        proxy.stop()
    assert [line["event"] for line in logged if line["event"].startswith("following.")] == [
        "following.waits",
        "following.goes_on",
    ]
