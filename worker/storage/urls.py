"""Checks that the URLs that others get from this store work: they get none of boto3's help with requests."""

import httpcore2

from models.errors import DoctorFinding
from worker.storage.client import URLS_END_EARLY
from worker.storage.store import Storage

_TIMEOUT = 10.0
_TYPE = "image/png"
_PROBE = b"probe"
_REGION = "x-amz-bucket-region"
_HINTS = {
    301: "Is LIKENESS_S3_REGION the bucket's region?",
    307: "Is LIKENESS_S3_REGION the bucket's region?",
    400: "Is LIKENESS_S3_REGION the bucket's region?",
    403: "May the key read and write there, or does a policy of the bucket forbid it?",
}
_OTHER = "Look at the store's log."
_PUBLIC = "Is LIKENESS_PUBLIC_BASE_URL where the bucket's objects are, and may anybody read there?"


def check_urls(storage: Storage) -> None:
    """Puts an object to an upload's URL, and gets it from an image's URL. Raises DoctorFinding if one of them fails
    from here, and StorageError."""
    key = storage.probe_key()
    headers = {"Content-Type": _TYPE, **storage.upload_headers}
    try:
        _ask("PUT", storage.upload_url(key, _TYPE, len(_PROBE), 60), headers)
        got = _ask("GET", storage.url(key), {}, _PUBLIC if storage.has_public_urls else None)
    finally:
        storage.delete(key)
    if got != _PROBE:
        raise DoctorFinding(
            "An image's URL gave other bytes than were stored. Is LIKENESS_PUBLIC_BASE_URL right?"
        )
    if storage.urls_end_early():
        raise DoctorFinding(URLS_END_EARLY)


def _ask(method: str, url: str, headers: dict[str, str], hint: str | None = None) -> bytes:
    what = "An upload's URL" if method == "PUT" else "An image's URL"
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), _TIMEOUT)
    try:
        answer = httpcore2.request(
            method,
            url,
            headers=list(headers.items()),
            content=_PROBE if method == "PUT" else None,
            extensions={"timeout": timeouts},
        )
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
        raise DoctorFinding(
            f"{what} can't be reached from here ({type(error).__name__}). Check LIKENESS_S3_ENDPOINT_URL and "
            "LIKENESS_PUBLIC_BASE_URL."
        ) from None
    if answer.status != 200:
        region = dict(answer.headers).get(_REGION.encode(), b"").decode("ascii", "replace")
        raise DoctorFinding(
            f"{what} is answered with {answer.status}. {hint or _HINTS.get(answer.status, _OTHER)}"
            + (f" The store says that the bucket's is {region}." if region else "")
        )
    return answer.content
