"""A Celery request that Celery itself never discards.

By itself, Celery drops a message that has expired or whose id was revoked, and nobody who waits for it learns so.
"""

from datetime import datetime
from typing import Any

from celery.utils.time import maybe_iso8601, maybe_make_aware
from celery.worker import state
from celery.worker.request import Request


class JobRequest(Request):
    """A request that never counts as revoked."""

    def revoked(self) -> bool:
        """Always false: a message that is too late or unwanted becomes a job that ends as any job does."""
        return False


def deadline_of(request: Any) -> datetime | None:
    """The time of Celery's `expires` in a task's request. It can be read: JobRequest did so before."""
    expires: datetime | None = maybe_iso8601(request.expires)
    return None if expires is None else maybe_make_aware(expires)


def is_revoked(request: Any) -> bool:
    """Whether the task was revoked on this worker by Celery's own means."""
    return request.id in state.revoked
