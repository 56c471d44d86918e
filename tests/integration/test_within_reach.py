"""A Redis that isn't there is said soon to whoever types a command; one that only starts is waited for."""

import json
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from models.errors import QueueUnavailable
from tests.support.jobs.stored import make_job
from worker.base.settings import Settings
from worker.base.settings import settings as process_settings
from worker.cli import main
from worker.queue.jobs import connection
from worker.queue.jobs.connection import within_reach
from worker.queue.redis_url import target_of

NOWHERE = "redis://:hunter2@127.0.0.1:1/0"
SAID = "QUEUE_UNAVAILABLE: No Redis answers at redis://127.0.0.1:1/0. Check LIKENESS_REDIS_URL and the server"


class Loading(socketserver.StreamRequestHandler):
    """A Redis that has just been started and has much to load."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            for _ in range(2 * int(line[1:])):
                self.rfile.readline()
            self.wfile.write(b"-LOADING Redis is loading the dataset in memory\r\n")


@pytest.fixture
def loading() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Loading) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of a patient client wait in here between their tries."""

    def wait(seconds: float) -> None:
        pytest.fail(f"It waited for {seconds} s.")

    monkeypatch.setattr("redis.retry.sleep", wait)


@pytest.mark.usefixtures("_no_patience")
@pytest.mark.parametrize(
    "command",
    [
        "status job_1",
        "watch job_1",
        "submit {file}",
        "submit {file} --watch",
        "cancel job_1",
        "jobs",
        "queue",
        "health",
        "gc",
        "dead list",
        "dead show job_1",
        "dead retry job_1",
        "dead drop job_1",
        "webhooks list",
        "webhooks replay job_1",
    ],
)
def test_a_command_says_so_in_one_line(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    file = tmp_path / "job.json"
    file.write_text(make_job().to_json())
    monkeypatch.setenv("LIKENESS_REDIS_URL", NOWHERE)
    monkeypatch.setattr("sys.argv", ["likeness", *command.format(file=file).split()])
    process_settings.cache_clear()
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        process_settings.cache_clear()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert SAID in said.err
    assert "hunter2" not in said.err


def test_the_doctor_says_so_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LIKENESS_REDIS_URL", NOWHERE)
    skipped = ("bucket", "signer", "gate", "safety", "watermark", "profile")
    monkeypatch.setattr(
        "sys.argv", ["likeness", "doctor", "--json", *(word for one in skipped for word in ("--skip", one))]
    )
    # Its client tries twice, with a moment between.
    monkeypatch.setattr("redis.retry.sleep", lambda seconds: None)
    process_settings.cache_clear()
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        process_settings.cache_clear()
    found = {one["check"]: one for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert ended.value.code == 1
    assert found["redis"]["state"] == "failed"
    assert "Connection refused" in found["redis"]["finding"]
    assert {found[name]["state"] for name in ("redis-writes", "broker", "eviction", "webhooks")} == {
        "skipped"
    }


def test_one_that_still_starts_is_left_to_the_calls_that_wait(loading: str) -> None:
    configured = Settings(redis_url=SecretStr(loading))
    assert within_reach(configured) is configured


def test_who_set_no_url_learns_where_one_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "target_of", lambda _: target_of(NOWHERE))
    with pytest.raises(QueueUnavailable, match=r"^LIKENESS_REDIS_URL isn't set.*: \. up-data/env$"):
        within_reach(Settings())
