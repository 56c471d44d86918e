"""Dead letters: jobs and messages that no worker processes any more, kept for an operator."""

from typing import Any

from pydantic import Field

from models.base import Document, JobId, Time
from models.record import JobError


class DeadLetter(Document):
    """A job that failed but could have succeeded, or a message that can't become a job."""

    letter_id: str = Field(
        description="The job's id; for a message that became no job, made from its content."
    )
    at: Time
    error: JobError
    retried_as: JobId | None = Field(None, description="The new job that was made of it.")
    message: Any = Field(None, description="As it was sent; as text where it is too long to be kept whole.")
