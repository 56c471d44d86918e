"""Lists, reads, retries and drops dead letters. store.lua writes them, in the step that makes a job final."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

from ulid import ULID

from models.dead import DeadLetter
from models.errors import InvalidInput, NotFound
from models.job import Job, parse_job
from models.record import JobError
from worker.base.settings import Settings
from worker.queue.jobs.connection import connect, guarded
from worker.queue.jobs.documents import time_of
from worker.queue.jobs.ranked import Place, Ranked

_MOST_HEIRS = 10_000
# Does nothing for a letter that was dropped meanwhile. Programs that keep rows of jobs learn of the heir from the
# feed, or from the list of heirs if they missed the feed.
_NOTE_HEIR = """
local letter, heirs, feed = KEYS[1], KEYS[2], KEYS[3]
local heir, of, ttl_ms, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('EXISTS', letter) == 0 or redis.call('HSETNX', letter, 'retried_as', heir) == 0 then return end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', heirs, now, heir .. ':' .. of)
redis.call('ZREMRANGEBYSCORE', heirs, '-inf', now - ttl_ms)
redis.call('ZREMRANGEBYRANK', heirs, 0, -most - 1)
redis.call('XADD', feed, '*', 'job', heir, 'news', 'retried', 'of', of)
"""


class DeadLetters:
    """The dead letters of the last `record_ttl` seconds, 10,000 at most. Methods raise QueueUnavailable."""

    def __init__(self, settings: Settings, *, patient: bool = True) -> None:
        """`patient`: as for `connect`."""
        self._base = f"{settings.redis_prefix}:dead"
        self._told = (f"{settings.redis_prefix}:heirs", f"{settings.redis_prefix}:feed")
        self._ttl_ms = int(settings.record_ttl * 1000)
        self._redis = connect(settings, patient=patient)
        self._list = Ranked(self._redis, self._base, latest_first=True)

    def letters(self, code: str | None = None, most: int | None = None) -> list[DeadLetter]:
        """Dead letters, the latest first. With `code`, only those with that error."""
        found = (letter for _, letter in self.after(None) if code in (None, letter.error.code))
        return list(islice(found, most))

    def after(self, place: Place | None) -> Iterator[tuple[Place, DeadLetter]]:
        """The letters behind a place in the list, or all, the latest first, each with its place. They are read as
        they are asked for, a page at a time."""
        for places in self._list.pages(place):
            with self._redis.pipeline(transaction=False) as pipeline:
                for found in places:
                    pipeline.hgetall(self._key(found.member))
                rows = guarded(pipeline.execute)
            for found, fields in zip(places, rows, strict=True):
                # One that expired, or was dropped meanwhile, is gone.
                if fields:
                    yield found, _letter_from(fields)

    def get(self, letter_id: str) -> DeadLetter:
        """One letter. Raises NotFound."""
        fields = guarded(lambda: self._redis.hgetall(self._key(letter_id)))
        if not fields:
            raise NotFound("There is no such dead letter. It may have expired, or been dropped.")
        return _letter_from(cast("dict[str, str]", fields))

    def heir(self, letter_id: str) -> Job:
        """The letter's message as a new job, to be submitted. A deadline is left out: it may be over.

        The new id is stored first, and later calls return it again: however often a letter is retried, and
        whatever process dies in between, it becomes one job. Raises NotFound, and InvalidInput if the message
        can't be a job.
        """
        letter = self.get(letter_id)
        if not isinstance(letter.message, dict):
            raise InvalidInput("The dead letter's message was no job, or too long to be kept whole.")
        drawn = f"job_{ULID()}"
        heir_of(letter.message, drawn)
        keys = (self._key(letter_id), *self._told)
        arguments = (drawn, str(letter.message.get("jobId")), self._ttl_ms, _MOST_HEIRS)
        guarded(lambda: self._redis.eval(_NOTE_HEIR, len(keys), *keys, *arguments))
        return heir_of(letter.message, str(self.get(letter_id).retried_as))

    def drop(self, letter_id: str) -> None:
        """Deletes the letter. Its job's record stays. Raises NotFound."""
        if not guarded(lambda: self._redis.delete(self._key(letter_id))):
            raise NotFound("There is no such dead letter. It may have expired, or been dropped.")
        guarded(lambda: self._redis.zrem(self._base, letter_id))

    def _key(self, letter_id: str) -> str:
        return f"{self._base}:{letter_id}"


def heir_of(message: dict[str, Any], job_id: str) -> Job:
    """The job that a message becomes when it is retried. Raises InvalidInput."""
    content = {name: value for name, value in message.items() if name != "expiresAt"}
    return parse_job(content | {"jobId": job_id})


def _letter_from(fields: dict[str, str]) -> DeadLetter:
    try:
        message = json.loads(fields["message"])
    except ValueError:
        message = fields["message"]
    return DeadLetter(
        letter_id=fields["letter_id"],
        at=time_of(fields["at"]),
        error=JobError.read(fields["error"]),
        retried_as=fields.get("retried_as"),
        message=message,
    )
