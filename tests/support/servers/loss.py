"""A Redis that loses its data."""

from redis import Redis

from worker.base.settings import Settings


def lose_data(settings: Settings, redis_client: Redis) -> None:
    """All that Redis has of this test's."""
    for key in redis_client.scan_iter(f"{settings.redis_prefix}:*"):
        redis_client.delete(key)
