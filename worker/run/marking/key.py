"""The secret that the numbers of watermarks are derived with: one for all workers of a Redis."""

from secrets import token_hex
from typing import cast

from worker.base.settings import Settings
from worker.queue.jobs.connection import connect, guarded

# KEYS 1 the key. ARGV 1 what it becomes if there is none.
_READ = """
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
"""


class WatermarkKey:
    """A random key, which the first worker makes. Threads may share it.

    If Redis loses it, a worker that starts then makes another one. What is stored keeps its numbers.
    """

    def __init__(self, settings: Settings) -> None:
        self._name = f"{settings.redis_prefix}:watermark-key"
        self._read = connect(settings).register_script(_READ)
        self._known: bytes | None = None

    def read(self) -> bytes:
        """Returns the key, 32 bytes. Raises QueueUnavailable."""
        if self._known is None:
            answer = cast("str", guarded(lambda: self._read((self._name,), (token_hex(32),))))
            self._known = bytes.fromhex(answer)
        return self._known
