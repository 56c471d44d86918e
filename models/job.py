"""A job of any kind, as the message that asks for it.

Another package adds a kind by an entry point of the group `likeness.jobs`: its name is the kind, and it names the
message's document, a `JobMessage` that has all of `Job`. `worker.run.kinds.table` says what a worker does for it.
"""

import json
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Protocol, Self

from models.clone import CLONE, CloneJob, CloneRequest, ReferenceSource
from models.create import CREATE, CreateJob
from models.errors import InvalidInput
from models.influencer import Appearance, Influencer, ReferenceImage
from models.likeness import Subject
from models.message import JobKind, JobMessage

__all__ = [
    "CLONE",
    "CREATE",
    "CloneJob",
    "CloneRequest",
    "CreateJob",
    "Job",
    "JobKind",
    "JobMessage",
    "ReferenceSource",
    "job_kinds",
    "parse_job",
]

GROUP = "likeness.jobs"


class Job(Protocol):
    """What every kind of job says of itself."""

    @property
    def job_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def shots(self) -> tuple[str, ...]: ...
    @property
    def accept_partial(self) -> bool: ...
    @property
    def callback_url(self) -> str | None: ...
    @property
    def organisation(self) -> str | None: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def fingerprint(self) -> str: ...

    @property
    def influencer_id(self) -> str:
        """The row that gets the images."""

    @property
    def project_id(self) -> str: ...

    @property
    def source_influencer_id(self) -> str | None:
        """The row whose likeness it starts from, if there is one."""

    @property
    def appearance(self) -> Appearance:
        """How the images' person looks, as far as that is said."""

    @property
    def subject(self) -> Subject: ...

    @property
    def changes_face(self) -> bool:
        """Whether the face differs from the references' on purpose."""

    def described(self, row: Influencer) -> Influencer:
        """How the row is described once the job is done, if it is `row` until then."""

    def finished_row(self, images: tuple[ReferenceImage, ...], at: datetime) -> Influencer:
        """The row with its new images."""

    def to_data(self) -> dict[str, Any]: ...
    def to_json(self) -> str: ...
    @classmethod
    def parse(cls, document: Any) -> Self: ...


_KINDS: dict[str, type[Job]] = {CLONE: CloneJob, CREATE: CreateJob}


@cache
def job_kinds() -> dict[str, type[Job]]:
    """The documents of all kinds, those that other packages add included."""
    added = {found.name: found.load() for found in entry_points(group=GROUP) if found.name not in _KINDS}
    return _KINDS | added


def parse_job(message: Any) -> Job:
    """The job in a message, given as JSON text or as a decoded object. One that names no kind is a clone's.

    Raises InvalidInput, also for a kind that isn't known here.
    """
    asked = _kind_of(message)
    for kind, job in job_kinds().items():
        if kind == asked:
            return job.parse(message)
    raise InvalidInput(
        f"There is no kind of job {str(asked)[:64]!r}. Choose from: {', '.join(job_kinds())}.",
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
