"""One data folder, one stack: two Redis on one append-only file would break it."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from models.errors import StackError, StackInUse
from tests.support.processes import PARENT, eventually, exists
from worker.stack import EmbeddedStack
from worker.stack.redis_server import RedisServer

COMMAND = [sys.executable, "-m", "worker"]


def begun(tmp_path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("command", ["stack", "up"])
def test_a_second_one_on_the_folder_is_refused_with_a_sentence(tmp_path: Path, command: str) -> None:
    with EmbeddedStack(tmp_path, persist=True) as running, redis.Redis.from_url(running.redis.url) as client:
        client.set("kept", "so")
        second = subprocess.run(
            [*COMMAND, command, "--data", str(tmp_path / ".." / tmp_path.name)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert second.returncode == 1, second.stdout
        assert "STACK_IN_USE: " in second.stderr
        assert f"in use by another `likeness up` or `likeness stack` (process {os.getpid()})" in second.stderr
        assert "--data" in second.stderr
        assert "Traceback" not in second.stderr
        assert not second.stdout
        assert client.get("kept") == b"so"
        assert not (tmp_path / "likeness.db").exists()
    with EmbeddedStack(tmp_path, persist=True) as after, redis.Redis.from_url(after.redis.url) as client:
        assert client.get("kept") == b"so"


def test_the_folder_is_free_again_once_the_servers_of_a_killed_process_have_ended(tmp_path: Path) -> None:
    with begun(tmp_path) as first:
        assert first.stdout
        pid = int(first.stdout.readline().split()[2])
        # It can't end, as one that writes its last data.
        os.kill(pid, signal.SIGSTOP)
        first.kill()
    stack = EmbeddedStack(tmp_path)
    try:
        with stack:
            assert not exists(pid), "there is no second one beside it"
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not exists(pid))


def test_a_start_that_fails_leaves_the_folder_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(self: RedisServer, port: int) -> list[str]:
        raise StackError("There is no Redis.")

    with monkeypatch.context() as patch:
        patch.setattr(RedisServer, "command", nothing)
        with pytest.raises(StackError, match="no Redis"):
            EmbeddedStack(tmp_path).start()
    with EmbeddedStack(tmp_path) as running:
        running.start()
        with pytest.raises(StackInUse):
            EmbeddedStack(tmp_path).start()
