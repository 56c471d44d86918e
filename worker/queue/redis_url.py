"""Parses LIKENESS_REDIS_URL once for the job store, the broker, the deliverer and the API.

    redis://[USER:PASSWORD@]HOST[:PORT][/DB]               plain TCP
    rediss://[USER:PASSWORD@]HOST[:PORT][/DB]              TLS
    unix://[USER:PASSWORD@]/PATH                           a socket; ?db=DB
    sentinel://[USER:PASSWORD@]HOST[:PORT],HOST,…/MASTER   the Redis that Sentinels call MASTER; ?db=DB
    sentinels://…                                          the same, TLS to the Sentinels and to Redis

Redis-py and kombu each parse URLs in their own way: kombu recognizes TLS by the name of its transport, which ours
replaces, has no `unix://`, and hands a query to a constructor that doesn't take it. So neither of them parses it.
`redis_options` lists what may follow the `?`. Anything else is refused: an option that one connection obeys and
another ignores is worse than none.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from models.errors import InvalidSettings
from worker.queue.redis_connections import (
    SentinelConnection,
    SentinelTlsConnection,
    SocketConnection,
    TcpConnection,
    TlsConnection,
)
from worker.queue.redis_options import read_options

_CLASSES: dict[str, Any] = {
    "redis": TcpConnection,
    "rediss": TlsConnection,
    "unix": SocketConnection,
    "sentinel": SentinelConnection,
    "sentinels": SentinelTlsConnection,
}
# Their parameters have no types in redis-py.
_sentinel: Any = Sentinel
_sentinel_pool: Any = SentinelConnectionPool
_TLS = frozenset(("rediss", "sentinels"))
_REDIS_PORT = 6379
_SENTINEL_PORT = 26379
_OF_SENTINELS = {
    # In seconds. While one doesn't answer, the next one isn't asked.
    "socket_connect_timeout": 2,
    "socket_timeout": 2,
    # The caller that wants a connection asks again.
    "retry": Retry(NoBackoff(), 0),
}
_NOT_FOR_SOCKETS = frozenset(("socket_keepalive", "socket_keepalive_options"))


@dataclass(frozen=True, eq=False, repr=False)
class RedisTarget:
    """A Redis, and how to connect to it. It never prints more than `place`.

    Kombu tells its connection pools apart by how their options print. Here that is by identity, so there must be
    one object per URL: see `target_of`.
    """

    place: str
    """The URL without user, password and options."""
    connection_class: Any
    options: dict[str, Any]
    """The connections' options from the URL, as redis-py takes them."""
    sentinels: tuple["RedisTarget", ...] = ()
    master: str = ""
    """The Sentinels' name for the Redis."""

    def pool(self, defaults: dict[str, Any]) -> ConnectionPool:
        """Creates a pool of connections. `defaults`: options that apply unless the URL sets them."""
        options = {"connection_class": self.connection_class, **defaults, **self.options}
        if "path" in options:
            options = {name: value for name, value in options.items() if name not in _NOT_FOR_SOCKETS}
        if not self.sentinels:
            return ConnectionPool(**options)
        manager = _sentinel([])
        manager.sentinels = [Redis.from_pool(one.pool({})) for one in self.sentinels]
        pool: ConnectionPool = _sentinel_pool(self.master, manager, **options)
        return pool


@cache
def target_of(url: str) -> RedisTarget:
    """Parses the URL. Raises InvalidSettings, which never quotes it: it may hold a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidSettings("LIKENESS_REDIS_URL can't be read. Check its host.") from None
    if parts.scheme not in _CLASSES:
        raise InvalidSettings(
            "LIKENESS_REDIS_URL must be like redis://HOST:PORT/DB, or begin with "
            f"{', '.join(f'{scheme}://' for scheme in _CLASSES if scheme != 'redis')}."
        )
    if parts.fragment or "@" in parts.path + parts.query.partition("=")[0]:
        raise InvalidSettings("LIKENESS_REDIS_URL: percent-encode / ? # and @ in user and password.")
    options = read_options(
        parts.query, tls=parts.scheme in _TLS, sentinels=parts.scheme.startswith("sentinel")
    )
    options = _user_of(parts) | options
    if parts.scheme == "unix":
        return _at_socket(parts, options)
    if parts.scheme.startswith("sentinel"):
        return _by_sentinels(parts, options)
    return _at_host(parts, options)


def _user_of(parts: SplitResult) -> dict[str, str]:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    given = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in given.items() if value}


def _at_host(parts: SplitResult, options: dict[str, Any]) -> RedisTarget:
    host, port = _host_and_port(_hosts(parts), _REDIS_PORT)
    db = parts.path.strip("/")
    if db and not db.isdecimal():
        raise InvalidSettings("LIKENESS_REDIS_URL: the path must be a database's number, such as /0.")
    options = {"host": host, "port": port, "db": int(db or 0)} | options
    place = f"{parts.scheme}://{_written(host, port)}/{options['db']}"
    return RedisTarget(place, _CLASSES[parts.scheme], options)


def _at_socket(parts: SplitResult, options: dict[str, Any]) -> RedisTarget:
    path = unquote(parts.path)
    if _hosts(parts) or not path.strip("/"):
        raise InvalidSettings("LIKENESS_REDIS_URL must be like unix:///run/redis/redis.sock?db=0.")
    options = {"path": path, "db": 0} | options
    return RedisTarget(f"unix://{path}?db={options['db']}", _CLASSES["unix"], options)


def _by_sentinels(parts: SplitResult, options: dict[str, Any]) -> RedisTarget:
    master = unquote(parts.path.strip("/"))
    hosts = _hosts(parts)
    if not master or "/" in master or not all(hosts.split(",")):
        raise InvalidSettings(
            f"LIKENESS_REDIS_URL must be like {parts.scheme}://HOST:PORT,HOST:PORT/MASTER: the Sentinels, and the "
            "name that they have for the Redis."
        )
    scheme = "rediss" if parts.scheme in _TLS else "redis"
    login = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    addresses = [_host_and_port(one, _SENTINEL_PORT) for one in hosts.split(",")]
    sentinels = tuple(
        RedisTarget(
            f"{scheme}://{_written(host, port)}",
            _CLASSES[scheme],
            {"host": host, "port": port, **_OF_SENTINELS, **login, **tls},
        )
        for host, port in addresses
    )
    options = {"db": 0} | options
    listed = ",".join(_written(*address) for address in addresses)
    place = f"{parts.scheme}://{listed}/{master}?db={options['db']}"
    return RedisTarget(place, _CLASSES[parts.scheme], options, sentinels, master)


def _hosts(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _host_and_port(text: str, default: int) -> tuple[str, int]:
    if "," in text:
        raise InvalidSettings(
            "LIKENESS_REDIS_URL names several hosts. Only Sentinels can be several: "
            "sentinel://HOST:PORT,HOST:PORT/MASTER. A Redis Cluster can't be used."
        )
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        raise InvalidSettings("LIKENESS_REDIS_URL: a port must be a number from 1 to 65535.") from None
    return parts.hostname or "localhost", default if port is None else port


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
