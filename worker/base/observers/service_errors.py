"""Counts failed calls to the object store and to Redis, wherever in the process they are made."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from models.errors import ClockSkewed, StorageError, StorageHung, StorageRefused

NO_ANSWER = "NO_ANSWER"
"""How a call to Redis is counted that failed without an error code of Redis's own."""

Service = Literal["store", "redis"]

_lock = threading.Lock()
# With those that are known before they happen: the first one is an increase.
_counted: Counter[tuple[Service, str]] = Counter(
    {("store", error.code): 0 for error in (StorageError, StorageRefused, StorageHung, ClockSkewed)}
    | {("redis", NO_ANSWER): 0}
)


def note(service: Service, code: str) -> None:
    """Counts one call that failed in all its tries. `code` must be one of a few that the project knows."""
    with _lock:
        _counted[service, code] += 1


def counted() -> Mapping[tuple[Service, str], int]:
    """The failed calls of this process so far, by service and code."""
    with _lock:
        return dict(_counted)
