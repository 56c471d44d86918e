"""Presence: each live worker keeps a key in Redis alive that says what it is, so that others can see it."""

import json
import socket
from datetime import datetime
from secrets import token_hex
from typing import cast

from models.base import format_time
from models.operations import WorkerState
from worker.base.settings import Settings
from worker.queue.jobs.connection import connect, guarded

# KEYS 1 zset: nodes, by the time (ms) at which their key expires; 2 the node's key; 3 the end of the last signer's
# certificate. ARGV: node, state, ttl (ms), that end or nothing, the ttl of that (ms).
# The zset is an index: to look for the keys themselves, Redis would go through every key that it has.
_ANNOUNCE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
if ARGV[4] ~= '' then redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5]) end
-- Not those that have just expired: Redis's clock may have been set forward.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 60000)
"""


class Presence:
    """The keys of live workers. Methods raise QueueUnavailable."""

    def __init__(self, settings: Settings, *, patient: bool = True) -> None:
        """`patient`: as for `connect`."""
        self._index = f"{settings.redis_prefix}:nodes"
        self._prefix = f"{settings.redis_prefix}:node:"
        self._signer = f"{settings.redis_prefix}:signer"
        # Three missed renewals, as for a lease.
        self._ttl_ms = int(settings.lease_ttl * 1000)
        self._record_ttl_ms = int(settings.record_ttl * 1000)
        self._redis = connect(settings, patient=patient)
        self._announce = self._redis.register_script(_ANNOUNCE)

    def announce(self, state: WorkerState) -> None:
        """Announces that a worker is live, and what it is, for another term."""
        keys = (self._index, self._prefix + state.node, self._signer)
        ends = format_time(state.signer_ends) if state.signer_ends else ""
        arguments = (state.node, state.to_json(), self._ttl_ms, ends, self._record_ttl_ms)
        guarded(lambda: self._announce(keys, arguments))

    def workers(self) -> list[WorkerState]:
        """The live workers, by their node's name. Their jobs aren't known here."""
        nodes = cast("list[str]", guarded(lambda: self._redis.zrange(self._index, 0, -1)))
        if not nodes:
            return []
        keys = [self._prefix + node for node in nodes]
        states = cast("list[str | None]", guarded(lambda: self._redis.mget(keys)))
        found = (_state_of(node, state) for node, state in zip(nodes, states, strict=True) if state)
        return sorted(found, key=lambda worker: worker.node)

    def last_signer_ends(self) -> datetime | None:
        """When the certificate ends that was announced last. It is remembered as long as records are."""
        found = cast("str | None", guarded(lambda: self._redis.get(self._signer)))
        return datetime.fromisoformat(found) if found else None

    def nodes(self, host: str) -> list[str]:
        """The live workers on one host."""
        return [worker.node for worker in self.workers() if worker.node.rpartition(":")[0] == host]


def here() -> str:
    """This machine's name, as nodes announce it."""
    return socket.gethostname()


def new_worker_id() -> str:
    """An id for a worker's process. It says nothing about its machine, since callers of the API see it."""
    return f"wrk_{token_hex(6)}"


def _state_of(node: str, state: str) -> WorkerState:
    return WorkerState.read(json.loads(state) | {"node": node})
