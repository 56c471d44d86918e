"""Rate limits for API keys. Each process counts for itself, so that no call waits to be counted."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from models.errors import RateLimited

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key may still do. `headers` say so: those of draft-ietf-httpapi-ratelimit-headers-11."""

    headers: Headers
    wait: int | None = None
    """Seconds until the next call, if this one is refused."""

    def raise_if_refused(self) -> None:
        """Raises RateLimited; `details.retryAfter` is in seconds."""
        if self.wait is not None:
            raise RateLimited("This API key calls too often. Wait, then go on.", retryAfter=self.wait)


class Rates:
    """A token bucket for each key. It holds a second's worth of calls, or one call if that is more, and a key may
    use them all at once. Safe to share between threads."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._size = max(1.0, per_second)
        # An empty bucket is full again after this many seconds.
        window = math.ceil(self._size / per_second)
        self._policy = (b"ratelimit-policy", f'"key";q={int(self._size)};w={window}'.encode())
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        """By key id: the calls that were left, and when."""

    def count(self, key_id: str) -> Allowance:
        """Counts a call, unless it is refused."""
        now = self._clock()
        with self._lock:
            held, at = self._buckets.get(key_id, (self._size, now))
            held = min(self._size, held + (now - at) * self._per_second)
            is_allowed = held >= 1
            left = held - 1 if is_allowed else held
            self._buckets[key_id] = (left, now)
        full_in = math.ceil((self._size - left) / self._per_second)
        headers = (self._policy, (b"ratelimit", f'"key";r={int(left)};t={full_in}'.encode()))
        return Allowance(headers, None if is_allowed else math.ceil((1 - held) / self._per_second))
