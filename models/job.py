"""A job of any kind, as the message that asks for it.

Another package adds a kind by an entry point of the group `likeness.jobs`: its name is the kind, and it names the
message's document, a `JobMessage` that has all of `Job`. `worker.run.kinds.table` says what a worker does for it.
"""

import json
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points
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


def parse_job(message: Any) -> Job:
    """The job in a message, given as JSON text or as a decoded object. One that names no kind is a clone's.

    Raises InvalidInput, also for a kind that isn't known here, or whose package is broken.
    """
    asked = _kind_of(message)
    for kind, job in _KINDS.items():
        if kind == asked:
            return job.parse(message)
    added = {found.name: found for found in entry_points(group=GROUP)}
    for kind, found in added.items():
        if kind == asked:
            return _loaded(found).parse(message)
    raise InvalidInput(
        f"There is no kind of job {str(asked)[:64]!r}. Choose from: {', '.join([*_KINDS, *added])}.",
        fields=[{"path": "kind", "reason": "not a kind of job"}],
    )


def _loaded(found: EntryPoint) -> type[Job]:
    try:
        job: type[Job] = found.load()
    except Exception as error:
        raise InvalidInput(
            f"The kind of job {found.name} ({found.value}) can't be loaded: {type(error).__name__}: {error}. Mend "
            "its package, or leave the kind out."
        ) from error
    return job


def _kind_of(message: Any) -> Any:
    if isinstance(message, str | bytes):
        try:
            message = json.loads(message)
        except ValueError:
            # The document's own parser says what is wrong with it.
            return CLONE
    return message.get("kind", CLONE) if isinstance(message, dict) else CLONE
