"""Downloads a reference from a URL that nobody vouches for.

Built on httpcore2, the engine of httpx2, without the client on top: that one would log whole URLs, signatures
included, and would have to be talked out of proxies, cookies, redirects and decompression, none of which the
engine has. The URL is parsed once, by the guard; its name is looked up once, and the connection goes to the
addresses found then, while TLS and the Host header keep to the name.
"""

import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from threading import Thread
from typing import Any
from urllib.parse import urljoin

import httpcore2

from models.errors import (
    ReferenceFetchFailed,
    ReferenceNotFound,
    ReferenceTooLarge,
    ReferenceUrlRefused,
    UnusableReference,
)
from worker.references.guard import Address, CheckedUrl, check_url, look_up, resolve
from worker.settings import Settings

Resolver = Callable[[str, int], tuple[Address, ...]]

_MAX_REDIRECTS = 5
_MAX_ADDRESSES = 4  # of one name; more would only shorten the time that each one gets
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_TRY_AGAIN = frozenset((408, 425, 429))
# `aws-chunked` names how an object was once uploaded; some S3 stores hand it out with the plain bytes.
_PLAIN_ENCODINGS = frozenset(("", "identity", "aws-chunked"))


def download(
    url: str, settings: Settings, *, resolve: Resolver = resolve, tls: ssl.SSLContext | None = None
) -> bytes:
    """The body behind a URL, at most `reference_max_bytes` long, within `fetch_timeout` seconds in all.

    `resolve` is the address policy and `tls` the trust store; only tests replace them.

    Raises ReferenceUrlRefused, ReferenceNotFound (404, 410, no such host), ReferenceTooLarge,
    ReferenceFetchFailed (timeouts, connection errors, 5xx, 408, 425, 429; retryable) or UnusableReference (any
    other answer). Messages name the host, never the path or the query.
    """
    deadline = _Deadline(settings.fetch_timeout)
    place = check_url(url, settings.allow_http_to)
    for _ in range(_MAX_REDIRECTS + 1):
        try:
            found = _get(place, settings, deadline, resolve, tls or _trust_store())
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            reason = type(error).__name__
            raise ReferenceFetchFailed(
                f"Fetching from {place.host} failed ({reason}). Try again.", host=place.host, reason=reason
            ) from None
        if isinstance(found, bytes):
            return found
        place = found
    raise ReferenceUrlRefused(
        f"The reference's URL redirects more than {_MAX_REDIRECTS} times. Give the last URL.", host=place.host
    )


def _get(
    place: CheckedUrl, settings: Settings, deadline: "_Deadline", resolve: Resolver, tls: ssl.SSLContext
) -> bytes | CheckedUrl:
    """The body, or where the answer redirects to."""
    addresses = _resolve_in_time(look_up if place.is_own_store else resolve, place, deadline)
    backend = _PinnedBackend(place.host, addresses[:_MAX_ADDRESSES], deadline)
    url = httpcore2.URL(scheme=place.scheme, host=place.host, port=place.port, target=place.target)
    headers = [
        ("Host", place.authority),
        ("User-Agent", _user_agent()),
        ("Accept", "image/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]
    with (
        httpcore2.ConnectionPool(ssl_context=tls, network_backend=backend) as pool,
        pool.stream("GET", url, headers=headers) as response,
    ):
        if response.status in _REDIRECTS:
            return _redirect(place, response, settings)
        _require_success(place, response.status)
        return _body(place, response, settings.reference_max_bytes)


def _redirect(place: CheckedUrl, response: httpcore2.Response, settings: Settings) -> CheckedUrl:
    location = _header(response, b"location")
    # Nobody outside may send us to the store inside.
    allow_http_to = settings.allow_http_to if place.is_own_store else None
    try:
        return check_url(urljoin(place.text, location), allow_http_to)
    except ValueError:
        reason = "It can't be read."
    except ReferenceUrlRefused as error:
        reason = error.message
    raise ReferenceUrlRefused(
        f"{place.host} redirects to a URL that is refused. {reason} Give the picture's own URL.",
        host=place.host,
    )


def _require_success(place: CheckedUrl, status: int) -> None:
    if 200 <= status < 300:
        return
    facts = {"host": place.host, "status": status}
    if status in (404, 410):
        raise ReferenceNotFound(f"{place.host} has no such picture ({status}). Check the URL.", **facts)
    if status >= 500 or status in _TRY_AGAIN:
        raise ReferenceFetchFailed(f"{place.host} answered {status}. Try again later.", **facts)
    raise UnusableReference(
        f"{place.host} answered {status}. Give a URL that anyone can fetch, or sign a fresh one.", **facts
    )


def _body(place: CheckedUrl, response: httpcore2.Response, max_bytes: int) -> bytes:
    encoding = _header(response, b"content-encoding").strip().lower()
    if encoding not in _PLAIN_ENCODINGS:
        # Never decompressed, so that nothing small can become large here.
        raise UnusableReference(
            f"{place.host} sends the picture compressed again. Serve it without Content-Encoding.",
            host=place.host,
        )
    too_large = ReferenceTooLarge(
        f"The reference has more than {max_bytes} bytes. Give a smaller file.", max_bytes=max_bytes
    )
    length = _header(response, b"content-length")
    if length.isdecimal() and int(length) > max_bytes:
        raise too_large
    body = bytearray()
    for chunk in response.iter_stream():
        if len(body) + len(chunk) > max_bytes:
            raise too_large
        body += chunk
    return bytes(body)


def _header(response: httpcore2.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


def _resolve_in_time(resolve: Resolver, place: CheckedUrl, deadline: "_Deadline") -> tuple[Address, ...]:
    """The system's resolver takes no timeout, so it is waited for from outside."""
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


class _Deadline:
    """The end of the time that one download has in all."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        """Seconds left, more than 0. Raises httpcore2.ReadTimeout when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("deadline")
        return left if at_most is None else min(left, at_most)


class _PinnedBackend(httpcore2.NetworkBackend):
    """Connects to one host, at the addresses that passed the guard."""

    def __init__(self, host: str, addresses: tuple[Address, ...], deadline: _Deadline) -> None:
        self._host = host
        self._addresses = addresses
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
    """A stream whose reads and writes all end at the deadline, however little each of them brings."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: _Deadline) -> None:
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
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@cache
def _trust_store() -> ssl.SSLContext:
    """The machine's trusted authorities, read once: it takes tens of milliseconds."""
    return httpcore2.default_ssl_context()


@cache
def _user_agent() -> str:
    try:
        return f"likeness/{version('likeness')}"
    except PackageNotFoundError:  # run from a tree that isn't installed
        return "likeness/0"
