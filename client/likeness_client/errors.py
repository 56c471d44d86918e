"""The errors that calls raise, by the codes of the API."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


class LikenessError(Exception):
    """A call that failed. `code` is stable; `message` says what to do. `status` is the answer's HTTP status, or 0
    if there was no answer. `retry_after`: in how many seconds the API asked to be called again, if it did."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "INTERNAL",
        status: int = 0,
        details: dict[str, Any] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.details = details or {}
        self.request_id = request_id
        self.retry_after = retry_after


class Unauthenticated(LikenessError):
    """The key isn't valid, or was revoked."""


class Forbidden(LikenessError):
    """The key lacks a scope: `details["scope"]`."""


class NotFound(LikenessError):
    """There is no such thing, or it is another organisation's."""


class Conflict(LikenessError):
    """The state of a persona or job forbids the call. `details["subcode"]` says which rule, where several apply."""


class Invalid(LikenessError):
    """The request isn't valid. `details["fields"]` lists the paths that are wrong."""


class RateLimited(LikenessError):
    """The key called too often, and stayed refused however long the client waited."""


class Unavailable(LikenessError):
    """The API can't be reached, or its queue or database is away, and stayed so."""


class JobTimeout(LikenessError):
    """A job that was waited for didn't end in time. It goes on."""


class BadSignature(LikenessError):
    """A webhook isn't signed with any of the secrets, or is too old."""


_BY_STATUS: dict[int, type[LikenessError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: NotFound,
    409: Conflict,
    413: Invalid,
    422: Invalid,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def error_of(status: int, body: Any, retry_after: str | None = None) -> LikenessError:
    """The error of an answer. A proxy's answer, which has another body, becomes one by its status. `retry_after` is
    the header: seconds, or a date."""
    kind = _BY_STATUS.get(status, LikenessError)
    told = body.get("error") if isinstance(body, dict) else None
    wait = _seconds(retry_after) if retry_after else None
    if not isinstance(told, dict):
        return kind(f"The API answered with HTTP status {status}.", status=status, retry_after=wait)
    return kind(
        str(told.get("message", "")),
        code=str(told.get("code", "INTERNAL")),
        status=status,
        details=told.get("details") if isinstance(told.get("details"), dict) else None,
        request_id=told.get("requestId"),
        retry_after=wait,
    )


def _seconds(retry_after: str) -> float | None:
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    # A date without a zone, as `-0000` is read, is in UTC.
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
