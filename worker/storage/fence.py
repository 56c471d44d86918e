"""The fence around what a job's holder writes: one that lost the job without knowing it must change nothing.

A process may be stopped at any point, wake long after its heir has finished, and go on with the next instruction.
To ask once before a write, which boto3 may try again for minutes, is therefore not enough. Two barriers are:

1. `confirm` is asked right before each single request leaves, so that nothing new is sent.
2. A put goes on condition that the object is as it was while the job was still this holder's. So one that was under
   way when the job was lost changes nothing either: the store refuses it, if it has conditional writes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from worker.storage.failures import is_condition_failed, is_missing_key, lacks_conditions

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

# While one put is tried. After the first, only requests of others that were still under way can change the object.
_MOST_CHANGES = 2

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


def put_if_unchanged(client: "S3Client", bucket: str, key: str, what: dict[str, Any]) -> bool:
    """Put an object where there is none, or in place of what the holder finds there: that was left by an earlier
    attempt, or by this very put, whose answer was lost. False, and nothing is put, if the store has no conditions.
    """
    from botocore.exceptions import ClientError

    condition: dict[str, Any] = {"IfNoneMatch": "*"}
    for changes_left in reversed(range(_MOST_CHANGES + 1)):
        try:
            client.put_object(Bucket=bucket, Key=key, **what, **condition)
            break
        except ClientError as error:
            if lacks_conditions(error):
                return False
            if not changes_left or not is_condition_failed(error):
                raise
        # The fence is passed once more between this look and the put: what is seen here is no heir's.
        etag = _etag(client, bucket, key)
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    return True


def heeds_conditions(client: "S3Client", bucket: str, key: str) -> bool:
    """Whether the store refuses to put this object, which is there, on condition that there is none."""
    from botocore.exceptions import ClientError

    try:
        client.put_object(Bucket=bucket, Key=key, Body=b"", IfNoneMatch="*")
    except ClientError as error:
        if lacks_conditions(error):
            return False
        if not is_condition_failed(error):
            raise
        return True
    return False


def _etag(client: "S3Client", bucket: str, key: str) -> str | None:
    from botocore.exceptions import ClientError

    try:
        return client.head_object(Bucket=bucket, Key=key)["ETag"]
    except ClientError as error:
        if is_missing_key(error):
            return None
        raise
