"""The connection to Redis, patient enough for a restart of the server."""

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from worker.settings import Settings


def connect(settings: Settings) -> Redis:
    """A thread-safe client that decodes answers to text and tries again for about four seconds."""
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        decode_responses=True,
        socket_connect_timeout=2,
        socket_timeout=10,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=1, base=0.1), retries=6),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )
