"""Estimates where queued jobs stand, from the numbers of the messages that went through their queues."""

import time
from collections.abc import Sequence
from typing import Any

from redis import Redis

from worker.base.settings import Settings
from worker.queue.jobs.connection import guarded
from worker.queue.lanes import begun_of, lists_of

# Seconds for which a queue isn't looked at again: most calls of the API are polls.
_LASTS = 1.0


class Places:
    """Estimates the places of queued jobs, 1 for the one that is taken next. Safe to share between threads."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._lanes = f"{settings.redis_prefix}:lanes"
        self._redis = redis
        self._known: dict[str, tuple[float, int, int]] = {}
        """By queue: until when it is known, the number that was served last, and how many messages there are."""

    def of(self, jobs: Sequence[dict[str, str]]) -> list[int | None]:
        """The places of jobs, by their fields in Redis. None for a job that isn't on a queue. Raises
        QueueUnavailable."""
        queues = {queue for fields in jobs if (queue := _queue_of(fields))}
        self._look_at({each for queue in queues for each in (queue, begun_of(queue))})
        return [self._place(fields, queue) if (queue := _queue_of(fields)) else None for fields in jobs]

    def _place(self, fields: dict[str, str], queue: str) -> int:
        _, served, length = self._known[queue]
        # Nor more than the messages that are there: some may have gone unclaimed, as those of canceled jobs do.
        own = max(1, min(int(fields["ticket"]) - served, length))
        begun = begun_of(queue)
        # Jobs that have begun are served first.
        return own if begun == queue else own + self._known[begun][2]

    def _look_at(self, queues: set[str]) -> None:
        now = time.monotonic()
        due = [queue for queue in queues if self._known.get(queue, (0.0,))[0] <= now]
        if not due:
            return
        pipe = self._redis.pipeline(transaction=False)
        for queue in due:
            pipe.hget(self._lanes, f"served:{queue}")
            for name in lists_of(queue):
                pipe.llen(name)
        found: list[Any] = guarded(pipe.execute)
        share = len(found) // len(due)
        for number, queue in enumerate(due):
            served, *lengths = found[number * share : (number + 1) * share]
            self._known[queue] = (now + _LASTS, int(served or 0), sum(lengths))


def _queue_of(fields: dict[str, str]) -> str | None:
    """The queue that the job's message is on."""
    if fields.get("stage") != "queued" or "ticket" not in fields:
        return None
    return fields["lane"]
