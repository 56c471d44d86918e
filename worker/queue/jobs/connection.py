"""Connects to Redis, with enough retries to survive a restart of the server or a failover."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterCrossSlotError,
    MovedError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from models.errors import InvalidSettings, QueueUnavailable
from worker.base.observers.service_errors import NO_ANSWER, note
from worker.base.settings import Settings
from worker.queue.jobs.refusals import refusal_of, why_unavailable
from worker.queue.redis_url import target_of

# In seconds: for how long a command tries to reach Redis, and the wait between two tries.
_REACH, _REACH_AGAIN = 1.0, 0.1

T = TypeVar("T")
_OF_A_CLUSTER = (MovedError, AskError, ClusterCrossSlotError)


def connect(settings: Settings, *, patient: bool = True, text: bool = True) -> Redis:
    """Creates a thread-safe client that decodes answers to `text`, or leaves them as bytes.

    A `patient` one tries a call for about four seconds where Redis refuses, and for a minute where it is silent.
    A wrong password isn't tried twice.
    One that isn't, for callers who wait themselves, gives up after a second, and ten. Raises InvalidSettings if
    the URL can't be read.
    """
    if patient:
        return _client(settings, retries=6, text=text)
    return _client(settings, retries=1, timeout=5, text=text)


def guarded(call: Any) -> Any:
    """Calls Redis and returns its answer. Raises QueueUnavailable if Redis doesn't answer or refuses, and
    InvalidSettings for a cluster."""
    try:
        return call()
    except _OF_A_CLUSTER:
        raise cluster_refused() from None
    except RedisError as error:
        note("redis", refusal_of(error) or NO_ANSWER)
        raise QueueUnavailable(why_unavailable(error)) from error


def within_reach(settings: Settings) -> Settings:
    """Returns the settings once Redis has answered, whatever it said: one that still starts, or refuses, is left to
    the calls that follow. For a command that somebody waits for, before its patient calls.

    Raises QueueUnavailable if nothing answers within a second, or two if connecting alone takes so long.
    """
    target = target_of(settings.redis_url.get_secret_value())
    deadline = time.monotonic() + _REACH
    with _client(settings, retries=0, timeout=2) as redis:
        while True:
            try:
                redis.ping()
            except RedisError as error:
                if refusal_of(error) is not None:
                    return settings
                if time.monotonic() >= deadline:
                    raise QueueUnavailable(_out_of_reach(settings, target.place)) from error
                time.sleep(_REACH_AGAIN)
            else:
                return settings


def _out_of_reach(settings: Settings, place: str) -> str:
    if "redis_url" in settings.model_fields_set:
        return f"No Redis answers at {place}. Check LIKENESS_REDIS_URL and the server; `likeness doctor` says more."
    return (
        f"LIKENESS_REDIS_URL isn't set, and no Redis answers at {place}. Set it, or use the variables of "
        "`likeness up` or `likeness stack`: . up-data/env"
    )


class _Patience(Retry):
    """A policy that also retries what Redis refuses for now, each time over a new connection: after a failover,
    another server may be behind the same name or address."""

    def call_with_retry(
        self,
        do: Callable[[], T],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        def can_help(error: Exception) -> bool:
            if isinstance(error, AuthenticationError):
                # The same password is wrong at the next try, too. Whoever waits for a new one asks again.
                return False
            if isinstance(error, ResponseError) and refusal_of(error) is None:
                return False
            return is_retryable is None or is_retryable(error)

        return super().call_with_retry(do, fail, can_help, with_failure_count)


def refuse_cluster(settings: Settings) -> None:
    """Raises InvalidSettings if the server is a node of a Redis Cluster. Otherwise it ignores errors: other code
    waits for a Redis that is down, and a missing right to ask shows in later answers."""
    with _client(settings, retries=0) as redis:
        try:
            mode = redis.info("server").get("redis_mode")
        except RedisError:
            return
    if mode == "cluster":
        raise cluster_refused()


def _client(settings: Settings, retries: int, timeout: float = 10, *, text: bool = True) -> Redis:
    target = target_of(settings.redis_url.get_secret_value())
    options = {
        "decode_responses": text,
        "socket_connect_timeout": 2,
        "socket_timeout": timeout,
        "health_check_interval": 30,
        "retry": _Patience(ExponentialBackoff(cap=1, base=0.1), retries=retries),
        "retry_on_error": [RedisConnectionError, RedisTimeoutError, ResponseError],
    }
    return Redis.from_pool(target.pool(options))


def cluster_refused() -> InvalidSettings:
    return InvalidSettings(
        "LIKENESS_REDIS_URL leads to a Redis Cluster, which can't be used: a job's state and its webhook are "
        "written together, and a cluster keeps them on different nodes. Use one Redis, or one with Sentinels."
    )
