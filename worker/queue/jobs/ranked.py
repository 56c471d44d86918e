"""Reads a sorted set by pages, while others change it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from redis import Redis

from worker.queue.jobs.connection import guarded

_PAGE = 200
# Members that have the same score, to the millisecond.
_MOST_TIES = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """A member of a sorted set, and its score in milliseconds: where a reader was."""

    score: int
    member: str


class Ranked:
    """A sorted set of ids by times. No command grows with the set."""

    def __init__(self, redis: Redis, key: str, *, latest_first: bool = False) -> None:
        self._redis = redis
        self._key = key
        self._latest_first = latest_first

    def pages(self, after: Place | None = None) -> Iterator[list[Place]]:
        """The members behind `after`, or all, two hundred at a time. Raises QueueUnavailable. One that moves
        meanwhile can come twice, or not at all."""
        start = 0 if after is None else self._behind(after)
        while True:
            found = guarded(
                lambda at=start: self._redis.zrange(
                    self._key, at, at + _PAGE - 1, desc=self._latest_first, withscores=True
                )
            )
            places = [Place(int(score), member) for member, score in cast("list[tuple[str, float]]", found)]
            if places:
                yield places
            if len(places) < _PAGE:
                return
            start += _PAGE

    def _behind(self, after: Place) -> int:
        """The rank of the first member behind a place. The place's own member may be gone, or elsewhere by now."""
        beyond = (f"({after.score}", "+inf") if self._latest_first else ("-inf", f"({after.score}")
        count = int(guarded(lambda: self._redis.zcount(self._key, *beyond)))
        # Members with the same score are in the order of their names.
        ties: list[str] = guarded(
            lambda: self._redis.zrangebyscore(self._key, after.score, after.score, start=0, num=_MOST_TIES)
        )
        passed = (member >= after.member if self._latest_first else member <= after.member for member in ties)
        return count + sum(passed)
