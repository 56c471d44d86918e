"""A PostgreSQL server for tests: Debian's binaries, a data folder of its own, and no port.

It runs as the user `postgres` where the tests run as root, which it refuses to be. Nothing is kept safe from a
power cut.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg

from worker.stack.child import LeashedChild

_HASTY = ("fsync=off", "full_page_writes=off", "autovacuum=off")
_SIZED = ("listen_addresses=", "max_connections=200", "shared_buffers=16MB")
_START_SECONDS = 30


def binaries() -> Path | None:
    """The newest version's folder. Debian keeps it out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda at: int(at.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).resolve().parent if elsewhere else None


class PostgreSQL:
    """A running server. Who reaches its socket may do anything."""

    def __init__(self, socket: Path, launch: Callable[[], LeashedChild]) -> None:
        self._socket = socket
        self._launch = launch
        self.start()

    def start(self) -> None:
        """Also after `kill`: it recovers what was committed."""
        self._server = self._launch()
        self._wait(self._server)

    def kill(self) -> None:
        """All of its processes at once, as a power cut would."""
        self._server.kill()
        # The next one would take the dead one for alive for as long as nobody has reaped it.
        for lock in (self._socket / "data" / "postmaster.pid", *self._socket.glob(".s.PGSQL.*.lock")):
            lock.unlink(missing_ok=True)

    def stop(self) -> None:
        self._server.stop()

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://likeness@/{name}?host={self._socket}"

    def new(self, encoding: str = "UTF8") -> str:
        """The URL of a new, empty database."""
        name = f"test_{uuid4().hex}"
        with psycopg.connect(self._connection, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'".encode())
        return self.url(name)

    def _wait(self, server: LeashedChild) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self._connection).close()
            except psycopg.OperationalError:
                assert server.is_alive, server.tail()
                assert time.monotonic() < deadline, server.tail()
                time.sleep(0.02)
            else:
                return

    @property
    def _connection(self) -> str:
        return f"host={self._socket} user=likeness dbname=postgres"


@contextmanager
def running(folder: Path, log: Path) -> Iterator[PostgreSQL]:
    """The server of the binaries in `folder`, until the block ends. A socket's path must be short."""
    with TemporaryDirectory(prefix="likeness-pg-", dir="/tmp") as made:
        socket, data = Path(made), f"{made}/data"
        as_user: tuple[str, ...] = ()
        if os.geteuid() == 0:
            as_user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
            shutil.chown(socket, "postgres", "postgres")
        initdb = (folder / "initdb", "-D", data, "-U", "likeness", "--auth=trust", "--no-sync", "--no-locale")
        subprocess.run([*as_user, *initdb, "--encoding=UTF8"], check=True, capture_output=True)
        options = [word for option in (*_HASTY, *_SIZED) for word in ("-c", option)]
        command = [*as_user, str(folder / "postgres"), "-D", data, "-k", str(socket), *options]
        started = PostgreSQL(socket, lambda: LeashedChild(command, environment=os.environ, log=log))
        try:
            yield started
        finally:
            started.stop()
