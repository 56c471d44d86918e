"""Redis-py connections whose errors never contain the credentials, and which always ask the Sentinels.

A server that doesn't know a command quotes its arguments in the answer. A proxy or an old Redis that has no HELLO
would thus put the password into an exception, which gets logged.
"""

from typing import TYPE_CHECKING, Any

from redis import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import RedisError
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

# The arguments that follow are cut off at some length, so a secret may be there in part.
_QUOTED = ", with args beginning with"

if TYPE_CHECKING:
    _Base = Connection
else:
    _Base = object


class _Discreet(_Base):
    def connect_check_health(self, *args: Any, **kwargs: Any) -> None:
        """Opens the socket and logs in. An error of that never contains the password."""
        try:
            super().connect_check_health(*args, **kwargs)
        except RedisError as error:
            _strike_out(self.password, error)
            raise


class TcpConnection(_Discreet, Connection):
    pass


class TlsConnection(_Discreet, SSLConnection):
    pass


class SocketConnection(_Discreet, UnixDomainSocketConnection):
    pass


class _Asking(_Base):
    """A connection that asks the Sentinels each time it opens. Redis-py's own asks them only at first: opened again
    for a call or a PING, it goes where it was before, and a master that hangs accepts connections and never
    answers."""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not self._sock:
            self.connect()  # type: ignore[no-untyped-call]
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


class SentinelConnection(_Asking, _Discreet, SentinelManagedConnection):
    pass


class SentinelTlsConnection(_Asking, _Discreet, SentinelManagedSSLConnection):
    pass


def _strike_out(secret: str | None, error: BaseException | None) -> None:
    """Removes the secret from an error, and from the errors that caused it."""
    while error is not None:
        error.args = tuple(_without(secret, arg) for arg in error.args)
        error = error.__cause__ or error.__context__


def _without(secret: str | None, arg: Any) -> Any:
    if not isinstance(arg, str):
        return arg
    told = arg.partition(_QUOTED)[0]
    return told.replace(secret, "**") if secret else told
