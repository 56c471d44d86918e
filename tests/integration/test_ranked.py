"""Pages of a sorted set whose members come and go, in a real Redis."""

import pytest
from redis import Redis

from worker.base.settings import Settings
from worker.queue.jobs.ranked import Place, Ranked


@pytest.fixture
def key(settings: Settings, redis_client: Redis) -> str:
    key = f"{settings.redis_prefix}:ranked"
    redis_client.zadd(key, {"a": 1, "b": 2, "c": 2, "d": 2, "e": 3})
    return key


@pytest.mark.parametrize(("latest_first", "behind"), [(False, ["d", "e"]), (True, ["b", "a"])])
def test_a_reader_goes_on_behind_a_member_also_if_it_is_gone(
    redis_client: Redis, key: str, latest_first: bool, behind: list[str]
) -> None:
    ranked = Ranked(redis_client, key, latest_first=latest_first)

    def members(after: Place | None) -> list[str]:
        return [place.member for page in ranked.pages(after) for place in page]

    everything = sorted("abcde", reverse=latest_first)
    assert members(None) == everything
    assert members(Place(2, "c")) == behind
    redis_client.zrem(key, "c")
    assert members(Place(2, "c")) == behind
    redis_client.zadd(key, {"c": 9})
    assert [member for member in members(Place(2, "c")) if member != "c"] == behind


def test_a_large_set_is_read_by_pages(redis_client: Redis, key: str) -> None:
    redis_client.zadd(key, {f"m{number:03}": 1000 + number for number in range(450)})
    pages = list(Ranked(redis_client, key).pages())
    assert [len(page) for page in pages] == [200, 200, 55]
    assert sum(map(len, Ranked(redis_client, key).pages(pages[1][-1]))) == 55


@pytest.mark.parametrize("latest_first", [False, True])
def test_what_is_dropped_meanwhile_makes_a_reader_neither_skip_nor_repeat(
    redis_client: Redis, key: str, latest_first: bool
) -> None:
    members = [f"m{number:04}" for number in range(2000)]
    # Ten have each time.
    redis_client.zadd(key, {member: 1000 + number // 10 for number, member in enumerate(members)})
    read: list[str] = []
    for page in Ranked(redis_client, key, latest_first=latest_first).pages():
        read += [place.member for place in page]
        redis_client.zrem(key, *read[-150:])
    expected = sorted([*members, *"abcde"], reverse=latest_first, key=lambda name: (len(name), name))
    assert read == expected


def test_a_time_that_thousands_have_is_read_through(redis_client: Redis, key: str) -> None:
    redis_client.zadd(key, {f"m{number:04}": 1000 for number in range(3000)})
    for latest_first in (False, True):
        pages = Ranked(redis_client, key, latest_first=latest_first).pages()
        read = [place.member for page in pages for place in page]
        assert len(read) == len(set(read)) == 3005
