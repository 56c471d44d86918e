"""What a real Redis says when it refuses, and what is made of it."""

import threading
from collections.abc import Iterator

import pytest
from kombu.exceptions import OperationalError
from pydantic import SecretStr
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from models.errors import QueueUnavailable
from tests.e2e.faults.refusals import REFUSALS, Refusal, refusing
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.fleet.backlog import BacklogReader
from worker.queue.jobs.connection import connect, guarded
from worker.queue.jobs.dead import DeadLetters
from worker.queue.jobs.refusals import refusal_of, why_unavailable
from worker.stack import EmbeddedStack
from worker.stack.redis_server import RedisServer

IN_SCRIPT = "return redis.call('SET', KEYS[1], 'x')"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def client(server: RedisServer) -> Iterator[Redis]:
    """One that tries nothing twice."""
    with Redis.from_url(server.url, decode_responses=True, retry=Retry(NoBackoff(), 0)) as connected:
        yield connected


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refused_write_is_told_by_its_code(client: Redis, kind: Refusal) -> None:
    with refusing(client, kind):
        with pytest.raises(QueueUnavailable, match=rf"^Redis refuses \({kind}\): its? "):
            guarded(lambda: client.set("key", "x"))
        with pytest.raises(QueueUnavailable, match=kind):
            guarded(lambda: client.eval(IN_SCRIPT, 1, "key"))
        with client.pipeline() as pipe:
            pipe.set("key", "x")
            with pytest.raises(QueueUnavailable, match=kind):
                guarded(pipe.execute)
    guarded(lambda: client.set("key", "x"))


def test_a_replica_without_its_master_is_told_apart(client: Redis) -> None:
    client.config_set("replica-serve-stale-data", "no")
    client.replicaof("127.0.0.1", "1")
    with pytest.raises(QueueUnavailable, match="MASTERDOWN"):
        guarded(lambda: client.get("key"))


def test_too_few_replicas_are_told(client: Redis) -> None:
    client.config_set("min-replicas-to-write", "1")
    with pytest.raises(QueueUnavailable, match="NOREPLICAS"):
        guarded(lambda: client.set("key", "x"))


def test_a_redis_that_can_not_save_is_told(client: Redis, server: RedisServer) -> None:
    (server.directory / "taken.rdb").mkdir()
    client.set("key", "x")
    client.config_set("dbfilename", "taken.rdb")
    client.config_set("save", "3600 1")
    client.bgsave()
    while client.info("persistence")["rdb_bgsave_in_progress"]:
        pass
    for write in (lambda: client.set("key", "x"), lambda: client.eval(IN_SCRIPT, 1, "key")):
        with pytest.raises(QueueUnavailable, match="MISCONF"):
            guarded(write)


def test_a_script_that_does_not_end_is_told(client: Redis, server: RedisServer) -> None:
    client.config_set("lua-time-limit", "50")
    endless = threading.Thread(target=_run_endlessly, args=(server.url,))
    endless.start()
    try:
        while not (said := _refusal(client)):
            pass
        assert "BUSY" in said
    finally:
        client.script_kill()
        endless.join()


def _refusal(client: Redis) -> str:
    try:
        guarded(client.ping)
    except QueueUnavailable as error:
        return error.message
    return ""


def _run_endlessly(url: str) -> None:
    with Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as other, pytest.raises(ResponseError):
        other.eval("while true do end", 0)


def test_a_password_that_changed_is_told_and_not_shown(client: Redis, server: RedisServer) -> None:
    client.config_set("requirepass", "new")
    wrong = Redis.from_url(server.url.replace("redis://", "redis://:geheim@"), retry=Retry(NoBackoff(), 0))
    with wrong, pytest.raises(QueueUnavailable, match="WRONGPASS") as caught:
        guarded(wrong.ping)
    assert "geheim" not in caught.value.message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BusyLoadingError("Redis is loading the dataset in memory"), "LOADING"),
        (ClusterDownError("The cluster is down"), "CLUSTERDOWN"),
        (ResponseError("UNBLOCKED force unblock from blocking operation"), "UNBLOCKED"),
        (ResponseError("Command # 1 (SET OOM x) of pipeline caused error: WRONGTYPE Operation"), None),
        (ResponseError("unknown command 'HELLO', with args beginning with: '3' 'geheim'"), None),
        (RedisTimeoutError("gone"), None),
    ],
)
def test_what_redis_says_is_not_repeated(error: RedisError, code: str | None) -> None:
    wrapped = OperationalError("kombu's")
    wrapped.__cause__ = error
    assert refusal_of(error) == refusal_of(wrapped) == code
    assert str(error) not in why_unavailable(error)


def test_a_short_refusal_is_waited_for(client: Redis, settings: Settings, server: RedisServer) -> None:
    """As a failover's is."""
    begun, over = threading.Event(), threading.Event()

    def refuse() -> None:
        with refusing(client, "READONLY"):
            begun.set()
            over.wait(1)

    refusal = threading.Thread(target=refuse)
    refusal.start()
    begun.wait()
    patient = connect(settings.model_copy(update={"redis_url": SecretStr(server.url)}))
    assert guarded(lambda: patient.set("key", "x"))
    refusal.join()
    patient.close()


def test_what_is_no_refusal_is_tried_once(settings: Settings, stack: EmbeddedStack) -> None:
    patient = connect(settings)
    before = patient.info("commandstats").get("cmdstat_lpush", {"calls": 0})["calls"]
    patient.set(f"{settings.redis_prefix}:text", "x")
    with pytest.raises(QueueUnavailable):
        guarded(lambda: patient.lpush(f"{settings.redis_prefix}:text", "x"))
    assert patient.info("commandstats")["cmdstat_lpush"]["calls"] == before + 1
    patient.close()


@pytest.mark.parametrize("password", ["wrong", None])
def test_a_wrong_password_is_not_tried_twice(
    server: RedisServer, client: Redis, password: str | None
) -> None:
    client.config_set("requirepass", "right")
    url = server.url.replace("//", f"//:{password}@" if password else "//")
    settings = Settings(redis_url=SecretStr(url))
    before = int(client.info("stats")["total_connections_received"])
    for ask in (
        lambda: JobClient(settings).get("job_1"),
        lambda: DeadLetters(settings).letters(),
        lambda: BacklogReader(settings).read(),
    ):
        with pytest.raises(QueueUnavailable, match="WRONGPASS"):
            ask()
    # One connection for each, where a patient client would have opened seven.
    opened = int(client.info("stats")["total_connections_received"]) - before
    assert opened == 3
