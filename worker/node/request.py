"""A Celery request that Celery itself never discards.

By itself it drops a message whose `expires` is over, or whose id was revoked, and tells nobody who waits for it.
"""

from datetime import datetime
from typing import Any

from celery.utils.time import maybe_iso8601, maybe_make_aware
from celery.worker import state
from celery.worker.request import Request


class JobRequest(Request):
    def revoked(self) -> bool:
        """Never: what is too late, or unwanted, ends as a job does."""
        return False


def deadline_of(request: Any) -> datetime | None:
    """Celery's `expires` of a task's request, which JobRequest could read."""
    expires: datetime | None = maybe_iso8601(request.expires)
    return None if expires is None else maybe_make_aware(expires)


def is_revoked(request: Any) -> bool:
    """Whether this worker was told, by Celery's means, that nobody wants the task."""
    return request.id in state.revoked
