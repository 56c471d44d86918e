"""Submitting from a file."""

import json

from ulid import ULID

from models.errors import InvalidInput
from models.job import CloneJob
from models.record import JobRecord
from worker import tracing
from worker.client import JobClient


def submit_text(text: str) -> JobRecord:
    """Submit the CloneJob in a JSON text; one without a job id gets a new one. Raises InvalidInput."""
    try:
        message = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"The file is not JSON: {error}") from None
    if isinstance(message, dict):
        message.setdefault("jobId", f"job_{ULID()}")
    tracing.set_up("likeness-submit")
    return JobClient().submit(CloneJob.parse(message))
