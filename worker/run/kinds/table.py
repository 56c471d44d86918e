"""The table of job kinds: what a worker runs for each. `models.job` defines their messages.

Another package adds a kind by an entry point to a `Kind`, in the group `likeness.kinds` and named after the kind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from models.errors import InvalidInput, InvalidSettings
from models.job import CLONE, CREATE, Job
from worker.run.imagestore import FoundImage
from worker.run.kinds import clone, create
from worker.run.steps import Steps

GROUP = "likeness.kinds"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a worker runs for a kind. `script` takes up what earlier attempts stored, if still good, and renders the
    rest. When it returns, each shot is taken, or missed in every try."""

    script: Callable[[Steps[Any], Sequence[FoundImage]], None]
    advice: str
    """Advice for the error when shots miss the likeness; it ends a sentence."""


_KINDS = {CLONE: Kind(clone.clone, clone.ADVICE), CREATE: Kind(create.create, create.ADVICE)}


@cache
def kinds() -> dict[str, Kind]:
    """All kinds by name, with those of other packages. Raises InvalidSettings if one of these can't be loaded."""
    added = [found for found in entry_points(group=GROUP) if found.name not in _KINDS]
    return _KINDS | {found.name: _loaded(found) for found in added}


def kind_of(job: Job) -> Kind:
    """The job's kind. Raises InvalidInput if its messages are known, but no package here handles it."""
    try:
        return kinds()[job.kind]
    except KeyError:
        raise InvalidInput(f"No worker here does jobs of the kind {job.kind}. Install what does.") from None


def _loaded(found: EntryPoint) -> Kind:
    try:
        kind: Kind = found.load()
    except Exception as error:
        raise InvalidSettings(
            f"What is done for the kind of job {found.name} ({found.value}) can't be loaded: "
            f"{type(error).__name__}: {error}. Mend its package, or uninstall it."
        ) from error
    return kind
