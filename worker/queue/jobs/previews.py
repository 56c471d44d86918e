"""Previews of images that are being rendered: small pictures in Redis that expire soon."""

from collections.abc import Sequence
from typing import cast

from worker.base.settings import Settings
from worker.queue.jobs.connection import connect, guarded

KEPT_FOR = 300
"""Seconds after which Redis drops a preview."""
MOST_BYTES = 16 * 1024
"""The largest preview that is kept."""


class PreviewStore:
    """The latest preview of each shot, as a WebP. Methods raise QueueUnavailable."""

    most_bytes = MOST_BYTES

    def __init__(self, settings: Settings) -> None:
        self._prefix = f"{settings.redis_prefix}:preview:"
        self._redis = connect(settings, patient=False, text=False)

    def put(self, job_id: str, shot: str, webp: bytes) -> None:
        guarded(lambda: self._redis.set(self._key(job_id, shot), webp, ex=KEPT_FOR))

    def get(self, job_id: str, shot: str) -> bytes | None:
        return cast("bytes | None", guarded(lambda: self._redis.get(self._key(job_id, shot))))

    def delete(self, job_id: str, shots: Sequence[str]) -> None:
        guarded(lambda: self._redis.delete(*(self._key(job_id, shot) for shot in shots)))

    def _key(self, job_id: str, shot: str) -> str:
        # An id has no colon, so no two jobs share a key.
        return f"{self._prefix}{job_id}:{shot}"
