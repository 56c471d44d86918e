"""The part that the messages of all kinds of job share."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any

from pydantic import Field, field_validator

from models.base import MOST_URL, JobId, Request, Time
from models.errors import InvalidInput
from models.reference_origin import ReferenceOrigin
from models.shot import ShotNames, shot_named

JobKind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""`influencer_clone`, `influencer_create`, or one that another package adds. Also the name of its Celery task."""


class JobMessage(Request):
    """The fields of every job message. Each kind adds what it starts from, and says how the row changes."""

    called = "job"

    job_id: JobId
    shots: ShotNames
    accept_partial: bool = Field(
        False, description="Complete with the shots that reach the likeness, if at least one does."
    )
    callback_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        max_length=MOST_URL,
        description="Gets a signed webhook of the job's end. https, public addresses only.",
    )
    organisation: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        description="Whose the job is: the tenant whose jobs are counted together, whatever their projects.",
    )
    tier: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]+$",
        max_length=64,
        description="The tier whose queue the job waits in. Null, or no tier of the settings: its project's.",
    )
    expires_at: Time | None = Field(
        None,
        description="If no worker began with the job by then, it fails with DEADLINE_EXCEEDED. By Redis's clock.",
    )

    @field_validator("shots")
    @classmethod
    def _known_and_different(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                shot_named(name)
            except InvalidInput as error:
                raise ValueError(error.message) from None
        if len(set(names)) < len(names):
            raise ValueError("each shot can be asked for once")
        return names

    def reference_origin_at(self, at: datetime) -> ReferenceOrigin | None:  # noqa: ARG002
        """Whose face the images show, as it is stated; None if nobody did. `at`: when a worker states it, of people
        that it makes up."""
        return None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content. It must be the same in two messages with the same job id.

        Writing out a default doesn't change it.
        """
        return sha256(json.dumps(self._content(), sort_keys=True).encode()).hexdigest()

    def _content(self) -> dict[str, Any]:
        content = self.model_dump(mode="json")
        for name in ("organisation", "tier"):
            # Keeps the fingerprint of jobs that were sent before there was this field: they stay the same jobs.
            if content[name] is None:
                del content[name]
        return content
