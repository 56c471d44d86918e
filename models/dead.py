"""A dead letter: what nobody works on any more, kept for whoever looks after it."""

from typing import Any

from pydantic import Field

from models.base import Document, JobId, Time
from models.record import JobError


class DeadLetter(Document):
    """A job that failed though it might have gone well, or a message that can't become a job."""

    letter_id: str = Field(
        description="The job's id; for a message that became no job, made from its content."
    )
    at: Time
    error: JobError
    retried_as: JobId | None = Field(None, description="The new job that was made of it.")
    message: Any = Field(None, description="As it was sent; as text where it is too long to be kept whole.")
