"""Sends one request to a checked URL. All requests to URLs from outside go through here."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpcore2

from worker.base.version import likeness_version
from worker.net.guard import CheckedUrl
from worker.net.pinned import Deadline, Resolver, pinned_pool


@contextmanager
def exchange(
    method: str,
    place: CheckedUrl,
    headers: Mapping[str, str],
    *,
    deadline: Deadline,
    resolve: Resolver,
    tls: ssl.SSLContext | None = None,
    content: bytes | None = None,
) -> Iterator[httpcore2.Response]:
    """Sends a request and yields the response once its head is read. No redirect is followed, no connection kept.

    `resolve` is the address policy. Without `tls`, the machine's trust store applies. Raises what `pinned_pool`
    raises, and httpcore2's TimeoutException, NetworkError and ProtocolError, also while the body is read.
    """
    url = httpcore2.URL(scheme=place.scheme, host=place.host, port=place.port, target=place.target)
    sent = {
        "Host": place.authority,
        "User-Agent": f"likeness/{likeness_version()}",
        "Connection": "close",
        **headers,
    }
    with (
        pinned_pool(place, deadline, resolve, tls) as pool,
        pool.stream(method, url, headers=list(sent.items()), content=content) as response,
    ):
        yield response
