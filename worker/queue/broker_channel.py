"""A kombu Redis channel that connects like the job store. Kombu sees the URL without its secrets."""

from typing import Any

from kombu.transport import redis

from worker.queue.redis_url import RedisTarget


class TargetedChannel(redis.Channel):
    """A channel that connects to the Redis of the transport option `redis_target`, a RedisTarget."""

    from_transport_options = (*redis.Channel.from_transport_options, "redis_target")
    redis_target: RedisTarget

    def _get_pool(self, asynchronous: bool = False) -> Any:
        pool: Any = self.redis_target.pool(
            {
                "connection_class": self._connection_class(asynchronous),
                "max_connections": self.max_connections,
                "socket_timeout": self.socket_timeout,
                "socket_connect_timeout": self.socket_connect_timeout,
                "socket_keepalive": self.socket_keepalive,
                "socket_keepalive_options": self.socket_keepalive_options,
                "health_check_interval": self.health_check_interval,
            }
        )
        self.keyprefix_fanout = self.keyprefix_fanout.format(db=pool.connection_kwargs["db"])
        # Kombu closes these with the channel.
        if asynchronous:
            self._async_sentinel_manager = getattr(pool, "sentinel_manager", None)
        else:
            self._sentinel_manager = getattr(pool, "sentinel_manager", None)
        return pool

    def _connection_class(self, asynchronous: bool) -> Any:
        base: Any = self.redis_target.connection_class
        channel: Any = self
        if not asynchronous:
            return base

        class Polled(base):  # type: ignore[misc]
            """A connection that leaves the event loop's poller when it ends, as kombu's own do."""

            def disconnect(self, *args: Any, **kwargs: Any) -> None:
                super().disconnect(*args, **kwargs)
                if channel._registered:
                    channel._on_connection_disconnect(self)

        return Polled


class TargetedTransport(redis.Transport):
    """A transport of such channels. Its URL is RedisTarget.place: to be printed, not to be parsed."""

    Channel: Any = TargetedChannel
    can_parse_url = True

    def as_uri(self, uri: str, *_: Any, **__: Any) -> str:
        return uri
