"""Dead letters: list, read, retry and drop them. store.lua writes them, in the step that makes a job final."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import cast

from ulid import ULID

from models.dead import DeadLetter
from models.errors import InvalidInput, NotFound
from models.job import Job, parse_job
from models.record import JobError
from worker.jobs.connection import connect, guarded
from worker.jobs.documents import time_of
from worker.settings import Settings

_PAGE = 200
# Never for a letter that was dropped meanwhile.
_NOTE_HEIR = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSETNX', KEYS[1], 'retried_as', ARGV[1]) end
"""


class DeadLetters:
    """The letters of the last `record_ttl` seconds, 10,000 at most. Methods raise QueueUnavailable."""

    def __init__(self, settings: Settings) -> None:
        self._base = f"{settings.redis_prefix}:dead"
        self._redis = connect(settings)

    def letters(self, code: str | None = None, most: int | None = None) -> list[DeadLetter]:
        """Letters, the latest first."""
        found = (letter for letter in self._all() if code in (None, letter.error.code))
        return list(islice(found, most))

    def get(self, letter_id: str) -> DeadLetter:
        """Raises NotFound."""
        fields = guarded(lambda: self._redis.hgetall(self._key(letter_id)))
        if not fields:
            raise NotFound("There is no such dead letter. It may have expired, or been dropped.")
        return _letter_from(cast("dict[str, str]", fields))

    def heir(self, letter_id: str) -> Job:
        """The letter's message as a new job, to be submitted. A deadline is left out: it may be over.

        The new id is noted first, and given again if asked again: however often a letter is retried, and
        whoever dies in between, it becomes one job. Raises NotFound, and InvalidInput if it can be no job.
        """
        letter = self.get(letter_id)
        if not isinstance(letter.message, dict):
            raise InvalidInput("The dead letter's message was no job, or too long to be kept whole.")
        drawn = f"job_{ULID()}"
        content = {name: value for name, value in letter.message.items() if name != "expiresAt"}
        parse_job(content | {"jobId": drawn})
        guarded(lambda: self._redis.eval(_NOTE_HEIR, 1, self._key(letter_id), drawn))
        return parse_job(content | {"jobId": self.get(letter_id).retried_as})

    def drop(self, letter_id: str) -> None:
        """Forget the letter. Its job's record stays. Raises NotFound."""
        if not guarded(lambda: self._redis.delete(self._key(letter_id))):
            raise NotFound("There is no such dead letter. It may have expired, or been dropped.")
        guarded(lambda: self._redis.zrem(self._base, letter_id))

    def _all(self) -> Iterator[DeadLetter]:
        start = 0
        while True:
            ids = guarded(lambda at=start: self._redis.zrevrange(self._base, at, at + _PAGE - 1))
            for letter_id in cast("list[str]", ids):
                try:
                    yield self.get(letter_id)
                except NotFound:
                    continue
            if len(ids) < _PAGE:
                return
            start += _PAGE

    def _key(self, letter_id: str) -> str:
        return f"{self._base}:{letter_id}"


def _letter_from(fields: dict[str, str]) -> DeadLetter:
    try:
        message = json.loads(fields["message"])
    except ValueError:
        message = fields["message"]
    return DeadLetter(
        letter_id=fields["letter_id"],
        at=time_of(fields["at"]),
        error=JobError.parse(fields["error"]),
        retried_as=fields.get("retried_as"),
        message=message,
    )
