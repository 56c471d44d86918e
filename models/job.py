"""A job of any kind, as the message that asks for it."""

import json
from typing import Any

from models.clone import CLONE, CloneJob, CloneRequest, ReferenceSource
from models.create import CREATE, CreateJob
from models.errors import InvalidInput
from models.message import JobKind

__all__ = [
    "CLONE",
    "CREATE",
    "CloneJob",
    "CloneRequest",
    "CreateJob",
    "Job",
    "JobKind",
    "ReferenceSource",
    "parse_job",
]

Job = CloneJob | CreateJob

_KINDS: dict[JobKind, type[Job]] = {CLONE: CloneJob, CREATE: CreateJob}


def parse_job(message: Any) -> Job:
    """The job in a message, given as JSON text or as a decoded object. One that names no kind is a clone's.

    Raises InvalidInput, also for a kind that isn't known here.
    """
    asked = _kind_of(message)
    for kind, job in _KINDS.items():
        if kind == asked:
            return job.parse(message)
    raise InvalidInput(
        f"There is no kind of job {str(asked)[:64]!r}. Choose from: {', '.join(_KINDS)}.",
        fields=[{"path": "kind", "reason": "not a kind of job"}],
    )


def _kind_of(message: Any) -> Any:
    if isinstance(message, str | bytes):
        try:
            message = json.loads(message)
        except ValueError:
            # The document's own parser says what is wrong with it.
            return CLONE
    return message.get("kind", CLONE) if isinstance(message, dict) else CLONE
