"""The connection to Redis, patient enough for a restart of the server."""

from typing import Any

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from models.errors import InvalidSettings, QueueUnavailable
from worker.settings import Settings


def connect(settings: Settings) -> Redis:
    """A thread-safe client that decodes answers to text and tries again for about four seconds.

    Raises InvalidSettings if the URL can't be read.
    """
    try:
        return _client(settings)
    except ValueError as error:
        # The URL may hold a password, and the library's message the URL.
        raise InvalidSettings("LIKENESS_REDIS_URL must be like redis://HOST:PORT/DB.") from error


def guarded(call: Any) -> Any:
    """What the call to Redis answers. Raises QueueUnavailable if nothing does."""
    try:
        return call()
    except RedisError as error:
        raise QueueUnavailable(
            f"Redis does not answer ({type(error).__name__}). Check LIKENESS_REDIS_URL and the server."
        ) from error


def _client(settings: Settings) -> Redis:
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        decode_responses=True,
        socket_connect_timeout=2,
        socket_timeout=10,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=1, base=0.1), retries=6),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )
