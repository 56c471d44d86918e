"""What both clients do with httpx: answers, errors, and how long they listen."""

import time
from typing import Any

import httpx2

from likeness_client.errors import Invalid, JobTimeout, LikenessError, Unavailable, error_of


def json_in(answer: httpx2.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        return None


def error_in(answer: httpx2.Response) -> LikenessError:
    """The error of an answer that is none of success."""
    return error_of(answer.status_code, json_in(answer), answer.headers.get("retry-after"))


def unreachable(what: str, error: httpx2.TransportError) -> Unavailable:
    return Unavailable(f"The {what} can't be reached: {type(error).__name__}.", code="UNREACHABLE")


def stored(answer: httpx2.Response) -> None:
    """Raises Unavailable if the object store didn't take an upload, or hasn't a picture."""
    if not answer.is_success:
        raise Unavailable(
            f"The store answered with HTTP status {answer.status_code}.",
            code="STORE_REFUSED",
            status=answer.status_code,
        )


def listening(deadline: float | None) -> httpx2.Timeout:
    """The API sends a comment every 15 seconds; a connection that is silent for a minute is dead."""
    left = 60.0 if deadline is None else max(0.1, min(60.0, deadline - time.monotonic()))
    return httpx2.Timeout(30, read=left)


def require_time(job_id: str, deadline: float | None) -> None:
    if deadline is not None and time.monotonic() >= deadline:
        raise JobTimeout(f"{job_id} did not end in time; it goes on.", code="JOB_TIMEOUT")


def require_address(url: str) -> str:
    """Raises Invalid for what isn't an address of HTTP."""
    if not url.startswith(("http://", "https://")):
        raise Invalid(
            f"{url!r} isn't the API's address. Give one like http://localhost:8080.", code="VALIDATION"
        )
    return url
