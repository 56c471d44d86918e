"""The fence around what a job's holder writes: one that lost the job without knowing it must change nothing.

A process may be stopped at any point, wake long after the job's next holder has finished, and go on with the next
instruction. Asking once before a write, which boto3 may retry for minutes, is therefore not enough. There are two
barriers:

1. `confirm` is called right before each single request is sent, so that nothing new is sent.
2. A put is conditional: the object must be as it was while the job was still this holder's. So a put that was in
   progress when the job was lost changes nothing either: the store refuses it, if it has conditional writes.
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

# Changes during one put. After the first, only others' requests that are still in progress can change the object.
_MOST_CHANGES = 2
# Seconds until a condition that the store lacked is tried again.
_ASK_AGAIN = 600.0
_NOTHING_THERE: dict[str, Any] = {"IfNoneMatch": "*"}
_NO_ETAG = '"00000000000000000000000000000000"'

_confirm: ContextVar[Callable[[], None] | None] = ContextVar("confirm", default=None)


@contextmanager
def fenced(confirm: Callable[[], None]) -> Iterator[None]:
    """Calls `confirm` before each request in this `with` block. The request raises what `confirm` raises."""
    before = _confirm.set(confirm)
    try:
        yield
    finally:
        _confirm.reset(before)


def is_fenced() -> bool:
    return _confirm.get() is not None


def pass_fence() -> None:
    """Runs before each request: calls the `confirm` of `fenced`, if there is one."""
    if confirm := _confirm.get():
        confirm()


class Conditions:
    """The conditions that a store has for puts, as far as known: it may have the one and not the other. Threads may
    share it."""

    def __init__(self) -> None:
        self._lacked_at: dict[str, float] = {}

    def are_there(self, condition: Mapping[str, str]) -> bool:
        """False if the store lately refused one of these. Its next version, or a proxy before it, may have it."""
        now = time.monotonic()
        return all(now - self._lacked_at.get(name, -math.inf) > _ASK_AGAIN for name in condition)

    def lack(self, condition: Mapping[str, str]) -> None:
        """Notes that the store lacks a condition."""
        self._lacked_at |= dict.fromkeys(condition, time.monotonic())


def put_if_unchanged(
    client: "S3Client", bucket: str, key: str, what: dict[str, Any], conditions: Conditions
) -> None:
    """Puts an object where there is none, or replaces what the holder finds there: an earlier attempt left that, or
    this same put, whose answer was lost. If the store lacks the condition that this needs, the put has none.
    """
    from botocore.exceptions import ClientError

    condition, changes_left = _NOTHING_THERE, _MOST_CHANGES
    while True:
        if not conditions.are_there(condition):
            # The fence is passed again between this look-up and the put: what is seen here isn't a later holder's.
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
    """The conditions, by header name, that the store lacks or ignores. Each is tried where it doesn't hold: this
    object exists."""
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
    """The condition that the object is as it is now."""
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
