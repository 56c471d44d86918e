"""The table of job kinds: what a worker runs for each. `models.job` has the documents of their messages.

Another package adds a kind by an entry point of the group `likeness.kinds`, named as the kind is, to a `Kind`.
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
    """`script` takes up what earlier attempts stored, as far as it is still good, and renders the rest. When it
    returns, each shot is taken, or missed in every try."""

    script: Callable[[Steps[Any], Sequence[FoundImage]], None]
    advice: str
    """What may help where shots missed the likeness: the end of a sentence."""


_KINDS = {CLONE: Kind(clone.clone, clone.ADVICE), CREATE: Kind(create.create, create.ADVICE)}


@cache
def kinds() -> dict[str, Kind]:
    """By name, those that other packages add included. Raises InvalidSettings if one of these can't be loaded."""
    added = [found for found in entry_points(group=GROUP) if found.name not in _KINDS]
    return _KINDS | {found.name: _loaded(found) for found in added}


def kind_of(job: Job) -> Kind:
    """Raises InvalidInput for a kind whose messages are known, and that no package here does anything for."""
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
