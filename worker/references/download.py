"""Downloads a reference from an untrusted URL.

It uses httpcore2, the engine of httpx2, without the client on top: the client would log whole URLs, signatures
included, and its proxies, cookies, redirects and decompression would have to be switched off. The engine has none
of these. The URL is parsed once, by the guard. Its name is looked up once; the connection goes to the addresses
found then, while TLS and the Host header use the name.
"""

import ssl
from urllib.parse import urljoin

import httpcore2

from models.errors import (
    ReferenceFetchFailed,
    ReferenceNotFound,
    ReferenceTooLarge,
    ReferenceUrlRefused,
    UnusableReference,
)
from worker.base.settings import Settings
from worker.net.client import exchange
from worker.net.guard import CheckedUrl, check_url, resolve
from worker.net.pinned import Deadline, Resolver

_MAX_REDIRECTS = 5
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_TRY_AGAIN = frozenset((408, 425, 429))
# `aws-chunked` says how an object was once uploaded; some S3 stores send it with the plain bytes.
_PLAIN_ENCODINGS = frozenset(("", "identity", "aws-chunked"))


def download(
    url: str, settings: Settings, *, resolve: Resolver = resolve, tls: ssl.SSLContext | None = None
) -> bytes:
    """Downloads the body of a URL, at most `reference_max_bytes` long, within `fetch_timeout` seconds in all.

    `resolve` is the address policy and `tls` the trust store; only tests replace them.

    Raises ReferenceUrlRefused, ReferenceNotFound (404, 410, no such host), ReferenceTooLarge,
    ReferenceFetchFailed (timeouts, connection errors, 5xx, 408, 425, 429; retryable) or UnusableReference (any
    other answer). Messages name the host, never the path or the query.
    """
    deadline = Deadline(settings.fetch_timeout)
    place = check_url(url, settings.allow_http_to)
    for _ in range(_MAX_REDIRECTS + 1):
        try:
            found = _get(place, settings, deadline, resolve, tls)
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
    place: CheckedUrl, settings: Settings, deadline: Deadline, resolve: Resolver, tls: ssl.SSLContext | None
) -> bytes | CheckedUrl:
    """Returns the body, or the URL that the answer redirects to."""
    headers = {"Accept": "image/*", "Accept-Encoding": "identity"}
    with exchange("GET", place, headers, deadline=deadline, resolve=resolve, tls=tls) as response:
        if response.status in _REDIRECTS:
            return _redirect(place, response, settings)
        _require_success(place, response.status)
        return _body(place, response, settings.reference_max_bytes)


def _redirect(place: CheckedUrl, response: httpcore2.Response, settings: Settings) -> CheckedUrl:
    location = _header(response, b"location")
    # An outside host must not redirect us to the store inside.
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
