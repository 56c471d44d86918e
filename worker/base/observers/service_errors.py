"""Counts failed calls to the object store and to Redis, wherever in the process they are made."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Literal

Service = Literal["store", "redis"]

_lock = threading.Lock()
_counted: Counter[tuple[Service, str]] = Counter()


def note(service: Service, code: str) -> None:
    """Counts one call that failed in all its tries. `code` must be one of a few that the project knows."""
    with _lock:
        _counted[service, code] += 1


def counted() -> Mapping[tuple[Service, str], int]:
    """The failed calls of this process so far, by service and code."""
    with _lock:
        return dict(_counted)
