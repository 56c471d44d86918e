"""Redis as operators have it: behind TLS, with users, on a socket, as a cluster's node, and with Sentinels.

The embedded Redis has no TLS. Debian's has, and its package `redis-tools` brings the program without a service:
`redis-check-rdb` is the server under another name.
"""

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
import redis
import trustme

from worker.stack.redis_server import RedisServer
from worker.stack.server import HOST, Server

PASSWORD = "hunter2:/?#@%"
"""Has all that a URL must spell out."""
QUOTED = "hunter2%3A%2F%3F%23%40%25"
MASTER = "jobs"
"""What the Sentinels call it."""
# In seconds, for what must come.
_PATIENCE = 60


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, a server of this machine, and a client."""

    ca: Path
    server: Path
    client: Path

    @classmethod
    def make(cls, folder: Path) -> "Certificates":
        folder.mkdir(exist_ok=True)
        authority = trustme.CA()
        made = cls(folder / "ca.pem", folder / "server.pem", folder / "client.pem")
        authority.cert_pem.write_to_path(str(made.ca))
        for path, name in ((made.server, HOST), (made.client, "worker.internal")):
            authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(path))
        return made


class ConfiguredRedis(RedisServer):
    """The embedded Redis with further options, which come last and so count. `options` of the client look at it."""

    def __init__(self, directory: Path, *options: str, look: dict[str, Any] | None = None) -> None:
        super().__init__(directory)
        self._options = options
        self._look = look or {}

    def command(self, port: int) -> list[str]:
        return [*super().command(port), *(option.format(port=port) for option in self._options)]

    def is_ready(self, port: int) -> bool:
        client = redis.Redis(host=HOST, port=port, socket_timeout=1, **self._look)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


class TlsRedis(ConfiguredRedis):
    """TLS alone; `clients`: whether a client needs a certificate. Its password is PASSWORD."""

    def __init__(self, directory: Path, certificates: Certificates, *, clients: bool) -> None:
        files = {
            "tls-cert-file": certificates.server,
            "tls-key-file": certificates.server,
            "tls-ca-cert-file": certificates.ca,
        }
        super().__init__(
            directory,
            *("--port", "0", "--tls-port", "{port}", "--requirepass", PASSWORD),
            *(part for name, file in files.items() for part in (f"--{name}", str(file))),
            *("--tls-auth-clients", "yes" if clients else "no"),
            look={
                "ssl": True,
                "ssl_ca_certs": str(certificates.ca),
                "ssl_certfile": str(certificates.client),
                "ssl_keyfile": str(certificates.client),
                "password": PASSWORD,
            },
        )

    def command(self, port: int) -> list[str]:
        return [str(_with_tls(self.directory)), *super().command(port)[1:]]


class Sentinel(Server):
    """One Sentinel. Two of three must agree that a master is silent for `down_after` milliseconds."""

    name = "Sentinel"

    def __init__(self, directory: Path, master: int, down_after: int) -> None:
        super().__init__(directory)
        self._master = master
        self._down_after = down_after

    def command(self, port: int) -> Sequence[str]:
        # It writes what it learns into this file.
        config = self.directory / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind {HOST}\ndir {self.directory}\n"
            f"sentinel monitor {MASTER} {HOST} {self._master} 2\n"
            f"sentinel down-after-milliseconds {MASTER} {self._down_after}\n"
            f"sentinel failover-timeout {MASTER} 6000\n"
        )
        program = RedisServer(self.directory).command(port)[0]
        return [program, str(config), "--sentinel"]

    def is_ready(self, port: int) -> bool:
        client = redis.Redis(host=HOST, port=port, socket_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def _with_tls(directory: Path) -> Path:
    program = shutil.which("redis-check-rdb")
    if program is None:
        if "CI" in os.environ:
            pytest.fail("Debian's redis-tools isn't installed.")
        pytest.skip("Debian's redis-tools isn't installed")
    link = directory / "redis-server"
    if not link.exists():
        directory.mkdir(parents=True, exist_ok=True)
        link.symlink_to(program)
    return link


class Watched:
    """Redis nodes of which one is the master, and three Sentinels that agree on which."""

    def __init__(self, folder: Path, nodes: int = 2, down_after: int = 500) -> None:
        self._folder = folder
        self._size = nodes
        self._down_after = down_after
        self.nodes: list[RedisServer] = []
        self.sentinels: list[Sentinel] = []

    @property
    def url(self) -> str:
        return f"sentinel://{','.join(f'{HOST}:{one.port}' for one in self.sentinels)}/{MASTER}"

    def start(self) -> None:
        first = RedisServer(self._folder / "node-0", persist=True)
        first.start()
        self.nodes.append(first)
        for number in range(1, self._size):
            node = ConfiguredRedis(
                self._folder / f"node-{number}", "--appendonly", "yes", "--replicaof", HOST, str(first.port)
            )
            node.start()
            self.nodes.append(node)
        for number in range(3):
            sentinel = Sentinel(self._folder / f"sentinel-{number}", first.port, self._down_after)
            sentinel.start()
            self.sentinels.append(sentinel)
        self.wait_settled()

    def stop(self) -> None:
        for server in (*self.sentinels, *self.nodes):
            server.stop()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def master(self) -> RedisServer:
        with redis.Redis(port=self.sentinels[0].port) as client:
            port = int(client.sentinel_master(MASTER)["port"])
        return next(node for node in self.nodes if node.port == port)

    def order_failover(self) -> None:
        """As an operator does before a machine's end. The old master lives on as a replica."""
        with redis.Redis(port=self.sentinels[0].port) as client:
            client.execute_command("SENTINEL", "FAILOVER", MASTER)

    def wait_master(self, but: RedisServer) -> RedisServer:
        """The next master, once it takes writes."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = self.master
            with redis.Redis(port=found.port) as client, suppress(redis.RedisError):
                if found is not but and client.role()[0] == b"master":
                    return found
            assert time.monotonic() < deadline, "no other node became the master"
            time.sleep(0.02)

    def wait_settled(self) -> None:
        """Until every Sentinel knows the others, and a replica in step for each further node."""
        deadline = time.monotonic() + _PATIENCE
        while not all(self._is_settled(sentinel) for sentinel in self.sentinels):
            assert time.monotonic() < deadline, "the Sentinels don't settle"
            time.sleep(0.1)

    def _is_settled(self, sentinel: Sentinel) -> bool:
        with redis.Redis(port=sentinel.port) as client:
            state = client.sentinel_master(MASTER)
            replicas = client.sentinel_slaves(MASTER)
        linked = [
            one
            for one in replicas
            if one["flags"] == "slave"
            and one["master-link-status"] == "ok"
            and one["master-port"] == state["port"]
        ]
        return (
            state["num-other-sentinels"] == 2 and state["flags"] == "master" and len(linked) == self._size - 1
        )
