"""One LIKENESS_REDIS_URL means the same to job store, broker and deliverer: real servers of each kind."""

import logging
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from pydantic import SecretStr

from models.errors import InvalidSettings, LikenessError, QueueUnavailable
from models.operations import WorkerState
from tests.integration.test_dead_connections import consuming, loop, wait_until  # noqa: F401
from tests.support.jobs.stored import make_job
from tests.support.servers.redis_servers import (
    PASSWORD,
    QUOTED,
    Certificates,
    ConfiguredRedis,
    TlsRedis,
)
from worker.base.settings import Settings
from worker.client import JobClient
from worker.node.consuming.consumer_loop import ConsumerLoop
from worker.queue.broker_check import round_trip
from worker.queue.fleet.presence import Presence
from worker.queue.jobs import JobStore
from worker.queue.jobs.connection import connect, refuse_cluster
from worker.queue.queue import JobQueue, make_app
from worker.stack import EmbeddedStack, server
from worker.webhooks.outbox import Outbox

At = Callable[[str], Settings]


@pytest.fixture
def at(settings: Settings) -> At:
    """The test's settings at another URL."""
    return lambda url: settings.model_copy(update={"redis_url": SecretStr(url)})


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[TlsRedis]:
    with TlsRedis(tmp_path_factory.mktemp("tls"), certificates, clients=False) as running:
        yield running


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[TlsRedis]:
    with TlsRedis(tmp_path_factory.mktemp("mutual"), certificates, clients=True) as running:
        yield running


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfiguredRedis]:
    """It listens on a socket, too. Its user `worker` has the rights that docs/operating.md names."""
    folder = tmp_path_factory.mktemp("users")
    look = {"password": "of-the-default-user"}
    options = ("--requirepass", look["password"], "--unixsocket", str(folder / "redis.sock"))
    with ConfiguredRedis(folder, *options, look=look) as running:
        with redis.Redis(port=running.port, password=look["password"]) as client:
            rights = re.findall(r"ACL SETUSER likeness (.*)$", OPERATING.read_text(), re.MULTILINE)[0]
            words = rights.replace(">PASSWORD", f">{PASSWORD}").split()
            client.execute_command("ACL", "SETUSER", "worker", *words)
        yield running


OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


def everything_works(settings: Settings) -> None:
    """What a producer, a worker, a deliverer and the API do with Redis."""
    refuse_cluster(settings)
    store, job = JobStore(settings), make_job()
    record = JobClient(settings).submit(job)
    assert (record.status, record.stage) == ("running", "queued")
    assert JobQueue(settings, store).depths()[settings.queue] == 1
    assert round_trip(settings) < 60
    assert [event.type for event in store.events(job.job_id, block=1)] == ["job.submitted"]
    Presence(settings).announce(WorkerState(node="here:1"))
    assert Presence(settings).nodes("here") == ["here:1"]
    assert store.claim(job, "here:1").verdict == "claimed"
    assert store.cancel(job.job_id) is None
    outbox = Outbox(settings)
    assert (outbox.take(4), outbox.late(0), outbox.deliveries()) == ([], 0, [])


@pytest.mark.parametrize(
    "query",
    [
        "?ssl_ca_certs={ca}",
        "?ssl_ca_certs={ca}&ssl_cert_reqs=CERT_REQUIRED&ssl_check_hostname=yes&socket_timeout=7",
        "?ssl_cert_reqs=none",
        "?ssl_cert_reqs=CERT_NONE&protocol=2&client_name=me",
    ],
)
def test_tls(tls: TlsRedis, certificates: Certificates, at: At, query: str) -> None:
    query = query.format(ca=certificates.ca)
    everything_works(at(f"rediss://:{QUOTED}@127.0.0.1:{tls.port}/0{query}"))


def test_tls_by_the_system_s_authorities(
    tls: TlsRedis, certificates: Certificates, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    everything_works(at(f"rediss://:{QUOTED}@127.0.0.1:{tls.port}/0"))


def test_tls_with_a_client_certificate(mutual: TlsRedis, certificates: Certificates, at: At) -> None:
    url = f"rediss://default:{QUOTED}@127.0.0.1:{mutual.port}?ssl_ca_certs={certificates.ca}"
    with pytest.raises(QueueUnavailable):
        round_trip(at(url))
    everything_works(at(f"{url}&ssl_certfile={certificates.client}&ssl_keyfile={certificates.client}"))


@pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")
def test_a_worker_s_loop_takes_jobs_over_tls(
    mutual: TlsRedis,
    certificates: Certificates,
    at: At,
    loop: ConsumerLoop,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = at(
        f"rediss://:{QUOTED}@127.0.0.1:{mutual.port}?ssl_ca_certs={certificates.ca}"
        f"&ssl_certfile={certificates.client}&ssl_keyfile={certificates.client}"
    )
    app = make_app(settings)
    with consuming(app, loop, monkeypatch) as taken:
        for number in range(5):
            app.send_task("probe", args=[number], queue=settings.queue)
            wait_until(lambda number=number: number in taken)  # type: ignore[misc]


def test_a_server_that_can_not_prove_its_name_is_not_talked_to(tls: TlsRedis, at: At) -> None:
    settings = at(f"rediss://:{QUOTED}@127.0.0.1:{tls.port}/0")
    with pytest.raises(QueueUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        round_trip(settings)
    with pytest.raises(QueueUnavailable):
        JobStore(settings).get("job_1")


def test_a_user_with_the_rights_of_the_manual(users: ConfiguredRedis, at: At) -> None:
    everything_works(at(f"redis://worker:{QUOTED}@127.0.0.1:{users.port}/0"))
    everything_works(at(f"redis://127.0.0.1:{users.port}?username=worker&password={QUOTED}&db=2"))


def test_a_socket(users: ConfiguredRedis, at: At) -> None:
    path = users.directory / "redis.sock"
    settings = at(f"unix://worker:{QUOTED}@{path}?db=3")
    everything_works(settings)
    with redis.Redis(port=users.port, db=3, password="of-the-default-user") as client:
        assert client.exists(settings.queue, f"{settings.redis_prefix}:watch") == 2


@pytest.mark.parametrize(
    "query",
    [
        "/4",
        "?db=4",
        "/0?db=4",
        "/4?protocol=2",
        "/4?protocol=3",
        "/4?socket_timeout=3&socket_connect_timeout=2.5",
    ],
)
def test_the_database_is_the_same_for_all(stack: EmbeddedStack, at: At, query: str) -> None:
    settings = at(f"redis://127.0.0.1:{stack.redis.port}{query}")
    everything_works(settings)
    with redis.Redis(port=stack.redis.port, db=4) as client:
        assert client.exists(settings.queue, f"{settings.redis_prefix}:watch") == 2


def test_who_may_not_use_the_queue_is_told_so_by_the_check_of_doctor(users: ConfiguredRedis, at: At) -> None:
    """Its PING and INFO are answered."""
    rights = {
        "sends": ("-lpush", r"can't send to the broker: .*lpush"),
        "takes": ("-eval", r"can't take from the broker: .*eval"),
    }
    with redis.Redis(port=users.port, password="of-the-default-user") as client:
        for name, (right, told) in rights.items():
            client.execute_command("ACL", "SETUSER", name, "on", f">{PASSWORD}", "~*", "&*", "+@all", right)
            settings = at(f"redis://{name}:{QUOTED}@127.0.0.1:{users.port}/0")
            with connect(settings) as its:
                assert its.ping()
            with pytest.raises(QueueUnavailable, match=told):
                round_trip(settings)


def test_nothing_of_the_url_s_secrets_leaves_in_clear_under_rediss() -> None:
    with answering(b"no TLS") as (port, heard):
        settings = Settings(redis_url=f"rediss://u:{QUOTED}@127.0.0.1:{port}/0", queue=uuid4().hex)
        with pytest.raises(QueueUnavailable):
            round_trip(settings)
        refuse_cluster(settings)
        with pytest.raises(QueueUnavailable):
            JobStore(settings).get("job_1")
    assert heard
    # A TLS handshake's first byte.
    assert {said[:1] for said in heard if said} == {b"\x16"}
    assert not any(b"hunter2" in said for said in heard)


def test_a_server_that_repeats_what_it_was_sent_makes_no_secret_public(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As Redis does with a command that it doesn't know, such as a proxy's or an old one's HELLO."""
    told = f"-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'u' '{PASSWORD}' \r\n"
    caplog.set_level(logging.DEBUG)
    with answering(told.encode()) as (port, heard):
        for scheme, path in (
            ("redis", "0"),
            ("sentinel", "jobs?sentinel_username=u&sentinel_password=" + QUOTED),
        ):
            url = f"{scheme}://u:{QUOTED}@127.0.0.1:{port}/{path}"
            settings = Settings(redis_url=url, queue=uuid4().hex)
            acts: list[Callable[[], object]] = [
                partial(round_trip, settings),
                partial(JobStore(settings).get, "job_1"),
                make_app(settings).connection_for_write().connect,
            ]
            for act in acts:
                with pytest.raises((LikenessError, redis.RedisError)) as caught:
                    act()
                assert "unknown command" in str(caught.value.__cause__ or caught.value)
                assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert any(PASSWORD.encode() in said for said in heard)
    assert "hunter2" not in caplog.text


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfiguredRedis]:
    """A whole Redis Cluster of one node."""
    node = ConfiguredRedis(tmp_path_factory.mktemp("cluster"), "--cluster-enabled", "yes")
    # Nodes talk to each other 10,000 ports higher, and Redis 6.2 knows no other way.
    while (port := server._free_port()) > 55535:
        pass
    node._port = port
    with node as running:
        with redis.Redis(port=running.port) as client:
            client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
            while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
                pass
        yield running


def test_a_cluster_is_refused_with_a_sentence(cluster: ConfiguredRedis, at: At) -> None:
    settings = at(cluster.url)
    for act in (lambda: refuse_cluster(settings), lambda: JobClient(settings).submit(make_job())):
        with pytest.raises(InvalidSettings, match=r"Redis Cluster, which can't be used: .*Use one Redis"):
            act()


@contextmanager
def answering(reply: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that gives the same answer to all that it hears. Its port, and what it heard."""
    heard: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while said := connection.recv(65536):
                heard.append(said)
                connection.sendall(reply)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
