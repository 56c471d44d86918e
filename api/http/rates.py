"""Rate limits for API keys. Each process counts for itself, so that no call waits to be counted."""

import math
import threading
import time
from collections.abc import Callable

from models.errors import RateLimited


class Rates:
    """A token bucket for each key. It holds a second's worth of calls, or one call if that is more, and a key may
    use them all at once. Safe to share between threads."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._size = max(1.0, per_second)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        """By key id: the calls that were left, and when."""

    def count(self, key_id: str) -> None:
        """Counts a call. Raises RateLimited; `details.retryAfter` is in seconds."""
        now = self._clock()
        with self._lock:
            held, at = self._buckets.get(key_id, (self._size, now))
            held = min(self._size, held + (now - at) * self._per_second)
            allowed = held >= 1
            self._buckets[key_id] = (held - 1 if allowed else held, now)
        if not allowed:
            wait = math.ceil((1 - held) / self._per_second)
            raise RateLimited("This API key calls too often. Wait, then go on.", retryAfter=wait)
