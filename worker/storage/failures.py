"""Translates failures of the object store into the project's own errors.

Only the store's short error code is passed on: its messages can contain key ids, the string to sign and URLs.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from models.errors import ClockSkewed, StorageError, StorageRefused

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

# The request was signed for another region than the bucket's, or sent there.
_REGION_CODES = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "AuthorizationQueryParametersError",
        "IllegalLocationConstraintException",
        "InvalidRegionName",
        "PermanentRedirect",
        "TemporaryRedirect",
        "301",
        "307",
    }
)
_MISSING_KEY = frozenset({"NoSuchKey", "404", "NotFound"})
_PASSING_STATUSES = frozenset({408, 409, 412, 425, 429})
_PASSING_CODES = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "BadDigest"})

# Signatures are valid for a quarter of an hour or less. Not every store says that it refuses because of the time,
# and none does so in answer to HEAD.
_REFUSALS = frozenset({400, 403})
_MOST_SKEW = 240
_REGION = re.compile(r"[a-z0-9-]{2,40}")


@contextmanager
def translated(action: str, bucket: str) -> Iterator[None]:
    """Translates botocore's errors into StorageError, ClockSkewed, or StorageRefused if a retry can't help.

    `action` is the operation, for the message: "read", "delete".
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        ParamValidationError,
        PartialCredentialsError,
    )

    try:
        yield
    except ClientError as error:
        if (skew := _skew(error)) is not None:
            raise ClockSkewed(
                f"The object store refused to {action} in bucket {bucket!r} ({code_of(error)}), and this machine's "
                f"clock is {skew:+.0f} s from the store's. Set the clock, and keep it by NTP.",
                operation=action,
                bucket=bucket,
                reason=code_of(error),
                skew=round(skew),
            ) from error
        if _passes(error):
            raise _failure(StorageError, "could not", action, bucket, code_of(error)) from error
        if code_of(error) in _REGION_CODES:
            raise _wrong_region(action, bucket, code_of(error), _told_region(error)) from error
        raise _failure(StorageRefused, "refused to", action, bucket, code_of(error)) from error
    except RecursionError:
        # If a store redirects and doesn't say where to, botocore asks for its region endlessly.
        raise _wrong_region(action, bucket, "redirected") from None
    except (NoCredentialsError, PartialCredentialsError, ParamValidationError) as error:
        raise _failure(StorageRefused, "can't be asked to", action, bucket, type(error).__name__) from error
    except BotoCoreError as error:
        raise _failure(StorageError, "can't be reached to", action, bucket, type(error).__name__) from error


def _failure(kind: type[StorageError], verb: str, action: str, bucket: str, reason: str) -> StorageError:
    advice = (
        "Check that it is up, and LIKENESS_S3_ENDPOINT_URL."
        if kind.retryable
        else "Check LIKENESS_S3_BUCKET, LIKENESS_S3_ACCESS_KEY_ID and its secret, and the key's rights."
    )
    return kind(
        f"The object store {verb} {action} in bucket {bucket!r}: {reason}. {advice}",
        operation=action,
        bucket=bucket,
        reason=reason,
    )


def _wrong_region(action: str, bucket: str, reason: str, region: str = "") -> StorageRefused:
    wanted = f"to {region}" if _REGION.fullmatch(region) else "to the bucket's region"
    return StorageRefused(
        f"The object store refused to {action} in bucket {bucket!r}: {reason}. Set LIKENESS_S3_REGION {wanted}.",
        operation=action,
        bucket=bucket,
        reason=reason,
    )


def _told_region(error: "ClientError") -> str:
    """The region that the store expects. It names it in one of two places, if at all."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    told: Mapping[str, object] = error.response.get("Error", {})
    return str(told.get("Region") or headers.get("x-amz-bucket-region") or "")


def code_of(error: "ClientError") -> str:
    """The store's error code, or the HTTP status if an answer without a body has no code."""
    return str(error.response.get("Error", {}).get("Code") or _status(error) or "Unknown")


def is_missing_key(error: "ClientError") -> bool:
    return code_of(error) in _MISSING_KEY


def is_condition_failed(error: "ClientError") -> bool:
    """Whether a conditional put came too late. 409: another one is in progress; 304: MinIO of 2023."""
    return _status(error) in {304, 409, 412} or is_missing_key(error)


def lacks_conditions(error: "ClientError") -> bool:
    """Whether the store has no conditional puts, like stores from before 2024 and those modelled on them."""
    return _status(error) == 501 or code_of(error) == "NotImplemented"


def _passes(error: "ClientError") -> bool:
    status = _status(error)
    return status >= 500 or status in _PASSING_STATUSES or code_of(error) in _PASSING_CODES


def _skew(error: "ClientError") -> float | None:
    """How many seconds this clock is ahead of the store's, if the store refused because of that."""
    date = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if _status(error) not in _REFUSALS or not date:
        return None
    try:
        skew = now() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    return skew if abs(skew) > _MOST_SKEW else None


def now() -> float:
    return time.time()


def _status(error: "ClientError") -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
