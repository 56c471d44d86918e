"""The connection to Redis, patient enough for a restart of the server, or a failover."""

from collections.abc import Callable
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from models.errors import InvalidSettings, QueueUnavailable
from worker.jobs.refusals import refusal_of, why_unavailable
from worker.settings import Settings

T = TypeVar("T")


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
    """What the call to Redis answers. Raises QueueUnavailable if nothing does, or Redis refuses."""
    try:
        return call()
    except RedisError as error:
        raise QueueUnavailable(why_unavailable(error)) from error


class _Patience(Retry):
    """Tries again what Redis refuses for now as well, each time over a new connection: behind one name or address
    there may be another server after a failover."""

    def call_with_retry(
        self,
        do: Callable[[], T],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        def can_help(error: Exception) -> bool:
            if isinstance(error, ResponseError) and refusal_of(error) is None:
                return False
            return is_retryable is None or is_retryable(error)

        return super().call_with_retry(do, fail, can_help, with_failure_count)


def _client(settings: Settings) -> Redis:
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        decode_responses=True,
        socket_connect_timeout=2,
        socket_timeout=10,
        health_check_interval=30,
        retry=_Patience(ExponentialBackoff(cap=1, base=0.1), retries=6),
        retry_on_error=[RedisConnectionError, RedisTimeoutError, ResponseError],
    )
