"""Connections to addresses that were checked beforehand. They all end at one deadline."""

import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import cache
from threading import Thread
from typing import Any

import httpcore2

from worker.net.guard import Address, CheckedUrl, look_up

Resolver = Callable[[str, int], tuple[Address, ...]]

_MAX_ADDRESSES = 4  # of one name; more would only shorten the time that each one gets


class Deadline:
    """The deadline of one whole exchange."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        """Seconds left, more than 0. Raises httpcore2.ReadTimeout when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("deadline")
        return left if at_most is None else min(left, at_most)


class PinnedBackend(httpcore2.NetworkBackend):
    """Connects only to one host, at the addresses that passed the guard."""

    def __init__(self, host: str, addresses: tuple[Address, ...], deadline: Deadline) -> None:
        self._host = host
        self._addresses = addresses[:_MAX_ADDRESSES]
        self._deadline = deadline
        self._tcp = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        if host != self._host:
            raise httpcore2.ConnectError("not the host that was resolved")
        failure: Exception = httpcore2.ConnectError("no address")
        for tried, address in enumerate(self._addresses):
            # A share each, so that an address that swallows packets leaves time for the next one.
            share = self._deadline.left(timeout) / (len(self._addresses) - tried)
            try:
                stream = self._tcp.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _DeadlineStream(stream, self._deadline)
        raise failure


class _DeadlineStream(httpcore2.NetworkStream):
    """A stream whose reads and writes all end at the deadline, however little each of them transfers."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        try:
            left = self._deadline.left(timeout)
        except httpcore2.ReadTimeout:
            # The stream itself closes when a handshake fails, and nobody else closes it here.
            self.close()
            raise
        secured = self._stream.start_tls(ssl_context, server_hostname, left)
        return _DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def pinned_pool(
    place: CheckedUrl, deadline: Deadline, resolve: Resolver, tls: ssl.SSLContext | None
) -> httpcore2.ConnectionPool:
    """A pool of connections to a checked URL's host only. The host's name is looked up here, once.

    `resolve` is the address policy, which our own store is exempt from. Without `tls`, the machine's trust store
    applies. Raises what `resolve` raises, and httpcore2.ConnectTimeout.
    """
    addresses = _resolve_in_time(look_up if place.is_own_store else resolve, place, deadline)
    return httpcore2.ConnectionPool(
        ssl_context=tls or _trust_store(), network_backend=PinnedBackend(place.host, addresses, deadline)
    )


def _resolve_in_time(resolve: Resolver, place: CheckedUrl, deadline: Deadline) -> tuple[Address, ...]:
    """Resolves on another thread, since the system's resolver takes no timeout."""
    future: Future[tuple[Address, ...]] = Future()

    def work() -> None:
        try:
            future.set_result(resolve(place.host, place.port))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            future.set_exception(error)

    # A daemon, so that a resolver that hangs holds up neither the job nor the worker's exit.
    Thread(target=work, name="likeness-resolve", daemon=True).start()
    try:
        return future.result(timeout=deadline.left())
    except TimeoutError:
        raise httpcore2.ConnectTimeout("name resolution") from None


@cache
def _trust_store() -> ssl.SSLContext:
    """The machine's trusted authorities, read once: it takes tens of milliseconds."""
    return httpcore2.default_ssl_context()
