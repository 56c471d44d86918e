"""A data folder's stack from run to run: the same ports, keys and secrets, and processes that are kept running."""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest
import redis

from models.errors import StackError
from tests.support.processes import eventually
from worker.stack import EmbeddedStack
from worker.stack.keeper import Keeper
from worker.stack.own import OwnProcess
from worker.stack.redis_server import RedisServer


def test_a_folder_s_environment_stays_the_same(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path, persist=True) as first:
        before = first.environment
        certificate = Path(before["LIKENESS_SIGN_CERTIFICATE"]).read_bytes()
    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600
    with EmbeddedStack(tmp_path, persist=True) as second:
        assert second.environment == before
        assert Path(before["LIKENESS_SIGN_CERTIFICATE"]).read_bytes() == certificate
    with EmbeddedStack(tmp_path / "another") as other:
        for name in ("S3_SECRET_ACCESS_KEY", "WEBHOOK_SECRETS", "WEBHOOK_MASTER_KEYS"):
            assert other.environment[f"LIKENESS_{name}"] != before[f"LIKENESS_{name}"]


def test_a_port_that_somebody_took_meanwhile_is_swapped(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path) as first:
        port = first.redis.port
    with socket.create_server(("127.0.0.1", port)), EmbeddedStack(tmp_path) as second:
        assert second.redis.port != port
        assert second.redis.is_ready(second.redis.port)
        swapped = second.redis.port
    with EmbeddedStack(tmp_path) as third:
        assert third.redis.port == swapped


def test_what_the_user_allows_is_allowed_beside_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIKENESS_ALLOW_HTTP_TO", "127.0.0.1:8090")
    with EmbeddedStack(tmp_path) as stack:
        assert stack.environment["LIKENESS_ALLOW_HTTP_TO"] == f"127.0.0.1:{stack.s3.port} 127.0.0.1:8090"


def test_a_server_that_dies_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    with RedisServer(tmp_path) as running, Keeper([running], said.append):
        with redis.Redis.from_url(running.url) as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
        assert eventually(lambda: bool(said), 30)
        assert eventually(lambda: running.is_running and running.is_ready(running.port), 30)
    assert said == ["The Redis ended with 137, and is started again."]


class _Script(OwnProcess):
    """A child that is a line of Python."""

    def __init__(self, code: str, folder: Path) -> None:
        super().__init__("script", [], dict(os.environ), folder / "script.log")
        self._command = [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("raise SystemExit(2)", "The script ended with 2. Its log, {log}, says why."),
        ("1 / 0", "ended with 1, 5 times within a minute. Its log, {log}, says why."),
        (
            "import os; os.unlink('{log}'); os.rmdir('{folder}')",
            "ended with 0, and can't be started again: No such file or directory ({log}).",
        ),
    ],
)
def test_what_does_not_mend_itself_is_given_up(tmp_path: Path, code: str, ends: str) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    names = {"folder": folder, "log": folder / "script.log"}
    told = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        with (
            _Script(code.format(**names), folder) as script,
            Keeper([script], lambda said: None) as keeper,
        ):
            assert told.wait(60)
    finally:
        signal.signal(signal.SIGTERM, before)
    with pytest.raises(StackError) as failed:
        keeper.raise_failure()
    assert ends.format(**names) in failed.value.message
