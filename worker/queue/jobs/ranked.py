"""Reads a sorted set by pages, while others change it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from redis import Redis

from worker.queue.jobs.connection import guarded

_PAGE = 200


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
        """The members behind `after`, or all, two hundred at a time. Raises QueueUnavailable.

        Members that are dropped meanwhile make it neither skip nor repeat others. One that moves meanwhile can come
        twice, or not at all.
        """
        while True:
            found = self._behind(after)
            if found:
                yield found
            if len(found) < _PAGE:
                return
            after = found[-1]

    def _behind(self, after: Place | None) -> list[Place]:
        """The next page. The place's own member may be gone, or elsewhere by now."""
        most = _PAGE
        while True:
            # By the score, not by the rank: that changes when others are dropped.
            found = self._from(after, most)
            behind = [place for place in found if after is None or self._is_behind(place, after)]
            if len(behind) >= _PAGE or len(found) < most:
                return behind[:_PAGE]
            # Many have the score of the place, and were read before.
            most += _PAGE

    def _from(self, after: Place | None, most: int) -> list[Place]:
        """Members from a place's score on, its own included."""
        first, last = ("+inf", "-inf") if self._latest_first else ("-inf", "+inf")
        start = first if after is None else after.score
        found = guarded(
            lambda: self._redis.zrange(
                self._key,
                start,
                last,
                desc=self._latest_first,
                byscore=True,
                withscores=True,
                offset=0,
                num=most,
            )
        )
        return [Place(int(score), member) for member, score in cast("list[tuple[str, float]]", found)]

    def _is_behind(self, place: Place, after: Place) -> bool:
        if place.score != after.score:
            return True
        # Members with the same score are in the order of their names.
        return place.member < after.member if self._latest_first else place.member > after.member
