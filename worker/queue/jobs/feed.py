"""The feed of jobs that began, ended or were retried lately, for programs that keep rows of jobs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast
from uuid import uuid4

from worker.base.settings import Settings
from worker.queue.jobs.connection import connect, guarded

News = Literal["begun", "ended", "retried"]

_PAGE = 1000
# Seconds after which Redis forgets a reader.
_READER_TTL = 3600
_BEGINNING = "0-0"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the feed. `of`: the job that was retried as this one."""

    place: str
    job_id: str
    news: News
    of: str = ""


class Feed:
    """A reader of the feed, with its own place in it. Entries are kept for ten minutes (see store.lua), so a reader
    that can't have read all of them must also look at the jobs themselves: see `begin`.

    Methods raise QueueUnavailable.
    """

    def __init__(self, settings: Settings) -> None:
        prefix = settings.redis_prefix
        self._key, self._heirs = f"{prefix}:feed", f"{prefix}:heirs"
        self._reader = f"{prefix}:feed-reader:{uuid4().hex}"
        self._redis = connect(settings)
        self._place = ""
        self._turns = 0

    def begin(self) -> None:
        """Starts reading at the feed's current end. A reader that then looks at all jobs misses nothing."""
        with self._redis.pipeline(transaction=False) as pipe:
            # Not zero: a Redis that lost its data would count from there, too.
            pipe.set(self._reader, 1, ex=_READER_TTL)
            pipe.xrevrange(self._key, count=1)
            _, last = guarded(pipe.execute)
        self._turns = 1
        self._place = cast("str", last[0][0]) if last else _BEGINNING

    def read(self) -> list[Entry] | None:
        """The entries after the one that `passed` noted last, a thousand at most. None if Redis came back with
        older data or with none: call `begin` again."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.incr(self._reader)
            pipe.expire(self._reader, _READER_TTL)
            pipe.xread({self._key: self._place}, count=_PAGE)
            turns, _, answer = guarded(pipe.execute)
        self._turns += 1
        if turns != self._turns:
            return None
        return [_entry(place, fields) for _, entries in answer or [] for place, fields in entries]

    def passed(self, entry: Entry) -> None:
        """Notes that an entry was handled."""
        self._place = entry.place

    def heirs(self) -> Iterator[Entry]:
        """All retries that are still known, the oldest first."""
        found = guarded(lambda: self._redis.zrange(self._heirs, 0, -1))
        for member in cast("list[str]", found):
            job_id, _, of = member.partition(":")
            yield Entry("", job_id, "retried", of)


def _entry(place: str, fields: dict[str, Any]) -> Entry:
    return Entry(place, fields["job"], fields["news"], fields.get("of", ""))
