"""The embedded stack: real servers that start, answer, and never outlive who asked for them."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from models.errors import StackError
from tests.support.processes import PARENT, eventually, exists
from worker.base.settings import Settings
from worker.stack import EmbeddedStack, redis_server, server
from worker.stack.redis_server import RedisServer, find_redis
from worker.stack.s3_server import S3Server, find_rclone
from worker.stack.server import Server
from worker.storage import Storage


class Script(Server):
    """A server that is a line of Python."""

    name = "Script"
    code = ""

    def command(self, port: int) -> list[str]:
        return [sys.executable, "-c", self.code]

    def is_ready(self, port: int) -> bool:
        return True


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_redis_answers_and_evicts_nothing(redis_client: redis.Redis) -> None:
    assert redis_client.ping()
    assert redis_client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert redis_client.config_get("save") == {"save": ""}
    assert redis_client.config_get("bind") == {"bind": "127.0.0.1"}


def test_the_object_store_is_writable(storage: Storage) -> None:
    storage.check_writable()


def test_objects_are_plain_files(stack: EmbeddedStack, storage: Storage) -> None:
    key = f"{storage.keys.prefix}folder/a.png"
    storage.put_image(key, b"bytes", "image/png")
    assert (stack.s3.objects / stack.s3.bucket / key).read_bytes() == b"bytes"


def test_its_environment_gives_its_settings(stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    assert Settings() == stack.settings()
    assert stack.settings().allow_http_to == f"127.0.0.1:{stack.s3.port}"
    assert stack.settings(queue="mine").queue == "mine"


def test_the_secret_shows_neither_in_the_process_list_nor_in_text(stack: EmbeddedStack) -> None:
    secret = stack.s3.secret_access_key
    assert secret in stack.s3.environment()["RCLONE_AUTH_KEY"]
    assert secret not in " ".join(stack.s3.command(1))
    assert secret not in repr(stack.settings())
    assert secret not in (stack.s3.directory / "s3.log").read_text()


def test_a_user_s_own_rclone_settings_are_left_out(
    stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RCLONE_READ_ONLY", "true")
    assert "RCLONE_READ_ONLY" not in stack.s3.environment()


def test_stop_ends_both_and_start_begins_anew(tmp_path: Path) -> None:
    stack = EmbeddedStack(tmp_path)
    stack.start()
    ports = stack.redis.port, stack.s3.port
    stack.stop()
    assert not any(map(listens, ports))
    assert not stack.redis.is_running
    stack.stop()
    with stack:
        stack.start()
        assert (stack.redis.port, stack.s3.port) == ports
        assert all(map(listens, ports))


def test_objects_survive_a_restart(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path) as stack, Storage(stack.settings()) as storage:
        storage.put_image("a/b.png", b"bytes", "image/png")
        stack.s3.stop()
        stack.s3.start()
        assert storage.get("a/b.png", 10) == b"bytes"


@pytest.mark.parametrize(("persist", "kept"), [(False, None), (True, b"kept")])
def test_redis_keeps_its_data_only_if_told_to(tmp_path: Path, persist: bool, kept: bytes | None) -> None:
    with RedisServer(tmp_path, persist=persist) as running, redis.Redis.from_url(running.url) as client:
        client.set("key", "kept")
        running.stop()
        running.start()
        assert client.get("key") == kept


def test_a_server_that_is_killed_is_noticed_and_starts_on_the_same_port(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as running:
        port = running.port
        with redis.Redis.from_url(running.url) as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
        assert eventually(lambda: not running.is_running)
        running.start()
        assert running.port == port
        running.kill()
        assert not listens(port)


def test_stop_ends_a_server_whose_leash_was_killed(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as running:
        assert running._child is not None
        leash = running._child._leash
        leash.kill()
        leash.wait()
        assert listens(running.port)
        running.stop()
        assert not listens(running.port)


def test_the_servers_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as parent:
        assert parent.stdout is not None
        redis_port, s3_port, redis_pid = map(int, parent.stdout.readline().split())
        assert listens(redis_port)
        assert listens(s3_port)
        parent.kill()
    assert eventually(lambda: not listens(redis_port) and not listens(s3_port) and not exists(redis_pid))


def test_a_server_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    class Deaf(Script):
        def command(self, port: int) -> list[str]:
            code = (
                "import signal, socket, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
                f"s = socket.create_server(('127.0.0.1', {port})); time.sleep(300)"
            )
            return [sys.executable, "-c", code]

    running = Deaf(tmp_path)
    running.start()
    began = time.monotonic()
    running.stop()
    assert not listens(running.port)
    assert time.monotonic() - began < 10


def test_a_server_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    class Broken(Script):
        code = "import sys; sys.stderr.write('no such option: --frobnicate'); sys.exit(3)"

    with pytest.raises(StackError, match=r"Script server ended at once, with status 3(.|\n)*frobnicate"):
        Broken(tmp_path).start()


def test_a_server_that_never_answers_is_given_up_and_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(Script):
        code = "import sys, time; sys.stderr.write('thinking'); sys.stderr.flush(); time.sleep(300)"

    is_listening, log = server._listens, tmp_path / "script.log"

    def is_listening_once_it_thinks(port: int) -> bool:
        # On a busy machine, Python itself may take a second to start.
        return eventually(lambda: "thinking" in log.read_text(), 60) and is_listening(port)

    monkeypatch.setattr(server, "_listens", is_listening_once_it_thinks)
    silent = Silent(tmp_path, startup_timeout=1)
    with pytest.raises(StackError, match=r"did not answer on port \d+ within 1 s(.|\n)*thinking"):
        silent.start()
    assert not silent.is_running


@pytest.mark.parametrize("kind", [RedisServer, S3Server])
def test_a_port_that_somebody_took_is_swapped_for_another(
    kind: type[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_port = server._free_port
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        offered = iter([taken])
        monkeypatch.setattr(server, "_free_port", lambda: next(offered, None) or find_port())
        with kind(tmp_path) as running:
            assert running.port != taken
            assert running.is_ready(running.port)


def test_a_known_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as running:
        running.stop()
        with (
            socket.create_server(("127.0.0.1", running.port)),
            pytest.raises(StackError, match="Address already in use"),
        ):
            running.start()


def test_another_server_on_the_port_does_not_pass_for_ours(stack: EmbeddedStack, tmp_path: Path) -> None:
    assert not RedisServer(tmp_path / "redis").is_ready(stack.redis.port)
    assert not S3Server(tmp_path / "s3").is_ready(stack.s3.port)


def test_a_failed_start_leaves_nothing_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(self: S3Server, port: int) -> list[str]:
        raise StackError("There is no rclone.")

    monkeypatch.setattr(S3Server, "command", nothing)
    stack = EmbeddedStack(tmp_path)
    with pytest.raises(StackError, match="no rclone"):
        stack.start()
    assert not stack.redis.is_running


def test_its_address_is_unknown_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="has not been started"):
        _ = EmbeddedStack(tmp_path).environment


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(StackError, match="`embedded` extra"):
        find_rclone()
    monkeypatch.setattr(redis_server, "find_spec", lambda name: None)
    with pytest.raises(StackError, match="Valkey or Redis"):
        find_redis()


def test_valkey_of_the_system_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for program in ("redis-server", "valkey-server"):
        (tmp_path / program).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis() == tmp_path / "valkey-server"
