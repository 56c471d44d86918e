"""Presence: each ready worker keeps a key in Redis alive, so that others can see it."""

import socket

from worker.base.settings import Settings
from worker.queue.jobs.connection import connect, guarded


class Presence:
    """The keys of live workers. Methods raise QueueUnavailable."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = f"{settings.redis_prefix}:node:"
        # Three missed renewals, as for a lease.
        self._ttl_ms = int(settings.lease_ttl * 1000)
        self._redis = connect(settings)

    def announce(self, node: str, profile: str) -> None:
        """Announces that `node` (`host:pid`) is live, for another term."""
        guarded(lambda: self._redis.set(self._prefix + node, profile, px=self._ttl_ms))

    def nodes(self, host: str) -> list[str]:
        """The live workers on one host."""
        keys = guarded(lambda: [str(key) for key in self._redis.scan_iter(f"{self._prefix}{host}:*")])
        return sorted(key.removeprefix(self._prefix) for key in keys)


def here() -> str:
    """This machine's name, as nodes announce it."""
    return socket.gethostname()
