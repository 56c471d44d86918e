"""The fence around what a job's holder writes: one that lost the job without knowing it must change nothing.

A process may be stopped at any point, wake long after its heir has finished, and go on with the next instruction.
To ask once before a write, which boto3 may try again for minutes, is therefore not enough. Two barriers are:

1. `confirm` is asked right before each single request leaves, so that nothing new is sent.
2. A put goes on condition that the object is as it was while the job was still this holder's. So one that was under
   way when the job was lost changes nothing either: the store refuses it, if it has conditional writes.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from worker.storage.failures import is_condition_failed, is_missing_key, lacks_conditions

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

# While one put is tried. After the first, only requests of others that were still under way can change the object.
_MOST_CHANGES = 2
# Seconds until a condition is tried again that the store didn't have.
_ASK_AGAIN = 600.0
_NOTHING_THERE: dict[str, Any] = {"IfNoneMatch": "*"}
_NO_ETAG = '"00000000000000000000000000000000"'

_confirm: ContextVar[Callable[[], None] | None] = ContextVar("confirm", default=None)


@contextmanager
def fenced(confirm: Callable[[], None]) -> Iterator[None]:
    """Within, `confirm` is called before each request to the store. What it raises, the call raises."""
    before = _confirm.set(confirm)
    try:
        yield
    finally:
        _confirm.reset(before)


def is_fenced() -> bool:
    return _confirm.get() is not None


def pass_fence() -> None:
    """Called before each request."""
    if confirm := _confirm.get():
        confirm()


class Conditions:
    """Which conditions a store has for puts, as far as it is known: one may have the one and not the other. Threads
    may share it."""

    def __init__(self) -> None:
        self._lacked_at: dict[str, float] = {}

    def are_there(self, condition: Mapping[str, str]) -> bool:
        """False for one that the store refused lately. Its next version, or what stands before it, may have it."""
        now = time.monotonic()
        return all(now - self._lacked_at.get(name, -math.inf) > _ASK_AGAIN for name in condition)

    def lack(self, condition: Mapping[str, str]) -> None:
        self._lacked_at |= dict.fromkeys(condition, time.monotonic())


def put_if_unchanged(
    client: "S3Client", bucket: str, key: str, what: dict[str, Any], conditions: Conditions
) -> None:
    """Put an object where there is none, or in place of what the holder finds there: that was left by an earlier
    attempt, or by this very put, whose answer was lost. Without a condition if the store lacks the one that it
    takes.
    """
    from botocore.exceptions import ClientError

    condition, changes_left = _NOTHING_THERE, _MOST_CHANGES
    while True:
        if not conditions.are_there(condition):
            # The fence is passed once more between this look and the put: what is seen here is no heir's.
            condition = _as_seen(client, bucket, key)
        if not conditions.are_there(condition):
            condition = {}
        try:
            client.put_object(Bucket=bucket, Key=key, **what, **condition)
        except ClientError as error:
            if condition and lacks_conditions(error):
                conditions.lack(condition)
                continue
            if not condition or not changes_left or not is_condition_failed(error):
                raise
            changes_left -= 1
            condition = _as_seen(client, bucket, key)
        else:
            return


def missing_conditions(client: "S3Client", bucket: str, key: str, what: dict[str, Any]) -> tuple[str, ...]:
    """The conditions, by their headers' names, on which the store puts this object, which is there, though they
    don't hold."""
    refuted: dict[str, dict[str, Any]] = {"If-None-Match": _NOTHING_THERE, "If-Match": {"IfMatch": _NO_ETAG}}
    return tuple(
        name for name, condition in refuted.items() if not _heeds(client, bucket, key, what | condition)
    )


def _heeds(client: "S3Client", bucket: str, key: str, what: dict[str, Any]) -> bool:
    from botocore.exceptions import ClientError

    try:
        client.put_object(Bucket=bucket, Key=key, **what)
    except ClientError as error:
        if lacks_conditions(error):
            return False
        if not is_condition_failed(error):
            raise
        return True
    return False


def _as_seen(client: "S3Client", bucket: str, key: str) -> dict[str, Any]:
    """That the object is as it is now."""
    etag = _etag(client, bucket, key)
    return {"IfMatch": etag} if etag else _NOTHING_THERE


def _etag(client: "S3Client", bucket: str, key: str) -> str | None:
    from botocore.exceptions import ClientError

    try:
        return client.head_object(Bucket=bucket, Key=key)["ETag"]
    except ClientError as error:
        if is_missing_key(error):
            return None
        raise
