"""The connection to Redis, patient enough for a restart of the server."""

from typing import Any

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import AskError, ClusterCrossSlotError, MovedError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from models.errors import InvalidSettings, QueueUnavailable
from worker.redis_url import target_of
from worker.settings import Settings

_OF_A_CLUSTER = (MovedError, AskError, ClusterCrossSlotError)


def connect(settings: Settings) -> Redis:
    """A thread-safe client that decodes answers to text and tries again for about four seconds.

    Raises InvalidSettings if the URL can't be read.
    """
    return _client(settings, retries=6)


def guarded(call: Any) -> Any:
    """What the call to Redis answers. Raises QueueUnavailable if nothing does, InvalidSettings for a cluster."""
    try:
        return call()
    except _OF_A_CLUSTER:
        raise cluster_refused() from None
    except RedisError as error:
        raise QueueUnavailable(
            f"Redis does not answer ({type(error).__name__}). Check LIKENESS_REDIS_URL and the server."
        ) from error


def refuse_cluster(settings: Settings) -> None:
    """Raises InvalidSettings if what answers is a node of a Redis Cluster. A Redis that is away is waited for
    elsewhere, and one that doesn't let this user ask is found out by its answers."""
    with _client(settings, retries=0) as redis:
        try:
            mode = redis.info("server").get("redis_mode")
        except RedisError:
            return
    if mode == "cluster":
        raise cluster_refused()


def _client(settings: Settings, retries: int) -> Redis:
    target = target_of(settings.redis_url.get_secret_value())
    options = {
        "decode_responses": True,
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
        "health_check_interval": 30,
        "retry": Retry(ExponentialBackoff(cap=1, base=0.1), retries=retries),
        "retry_on_error": [RedisConnectionError, RedisTimeoutError],
    }
    return Redis.from_pool(target.pool(options))


def cluster_refused() -> InvalidSettings:
    return InvalidSettings(
        "LIKENESS_REDIS_URL leads to a Redis Cluster, which can't be used: a job's state and its webhook are "
        "written together, and a cluster keeps them on different nodes. Use one Redis, or one with Sentinels."
    )
