"""`likeness submit`: submits a job from a file."""

import json

from ulid import ULID

from models.errors import InvalidInput
from models.job import parse_job
from models.record import JobRecord
from worker.base.observers import tracing
from worker.client import JobClient


def submit_text(text: str) -> JobRecord:
    """Submits a job of any kind from its JSON text. One without a job id gets a new one. Raises InvalidInput."""
    try:
        message = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"The file is not JSON: {error}") from None
    if isinstance(message, dict):
        message.setdefault("jobId", f"job_{ULID()}")
    tracing.set_up("likeness-submit")
    return JobClient().submit(parse_job(message))
