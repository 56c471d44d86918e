"""Jobs of any kind, read from the messages that ask for them.

Another package adds a kind with an entry point in the group `likeness.jobs`. Its name is the kind, and its value is
the message's document, a `JobMessage` that has all of `Job`. `worker.run.kinds.table` says what a worker does for
each kind.
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
from models.reference_origin import ReferenceOrigin

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
    "read_job",
]

GROUP = "likeness.jobs"


class Job(Protocol):
    """The interface that every kind of job implements."""

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
        """The row whose likeness the job starts from, if any."""

    @property
    def appearance(self) -> Appearance:
        """The appearance of the person in the images, as far as it is stated."""

    @property
    def subject(self) -> Subject: ...

    @property
    def changes_face(self) -> bool:
        """Whether the face is meant to differ from the references'."""

    def reference_origin_at(self, at: datetime) -> ReferenceOrigin | None:
        """Whose face the images show, as it is stated. `at`: when a worker states it."""

    def described(self, row: Influencer) -> Influencer:
        """The row with the description that it has once the job is done. `row` is the row until then."""

    def finished_row(self, images: tuple[ReferenceImage, ...], at: datetime) -> Influencer:
        """The row with its new images."""

    def to_data(self) -> dict[str, Any]: ...
    def to_json(self) -> str: ...
    @classmethod
    def parse(cls, document: Any) -> Self: ...
    @classmethod
    def read(cls, document: Any) -> Self: ...


_KINDS: dict[str, type[Job]] = {CLONE: CloneJob, CREATE: CreateJob}


def parse_job(message: Any) -> Job:
    """Reads the job from a message: JSON text or a decoded object. A message without a kind is a clone job.

    Raises InvalidInput, also for a kind that isn't known here or that has a broken package.
    """
    return _document_of(message).parse(message)


def read_job(message: Any) -> Job:
    """Reads the job from a message that was checked before and stored, perhaps by a newer version: fields that it
    has more are kept. Raises UnreadableDocument, and InvalidInput as `parse_job` does for kinds."""
    return _document_of(message).read(message)


def _document_of(message: Any) -> type[Job]:
    asked = _kind_of(message)
    for kind, job in _KINDS.items():
        if kind == asked:
            return job
    added = {found.name: found for found in entry_points(group=GROUP)}
    for kind, found in added.items():
        if kind == asked:
            return _loaded(found)
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
