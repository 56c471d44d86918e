"""`likeness submit`: submits a job from a file."""

import json

from ulid import ULID

from models.errors import InvalidInput
from models.job import parse_job
from models.record import JobRecord
from worker.base.observers import tracing
from worker.base.settings import settings
from worker.client import JobClient
from worker.queue.jobs.connection import within_reach


def submit_text(text: bytes) -> JobRecord:
    """Submits a job of any kind from its JSON text. One without a job id gets a new one. Raises InvalidInput."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The file is not JSON: {error}") from None
    if isinstance(message, dict):
        message.setdefault("jobId", f"job_{ULID()}")
    tracing.set_up("likeness-submit")
    job = parse_job(message)
    return JobClient(within_reach(settings())).submit(job)
