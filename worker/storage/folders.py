"""Finds the job whose folder a key lies in."""

import re
from dataclasses import dataclass
from string import Formatter

from models.errors import InvalidInput

# As in models.base: ids have no slash, so a part of a path holds one at most.
_IDS = {"jobId": "job_[^/]+", "assetId": "med_[^/]+"}
_ID = "[^/]+"


@dataclass(frozen=True, slots=True)
class JobFolder:
    """A job's folder, without a slash at its end."""

    job_id: str
    path: str


class JobFolders:
    """Finds jobs' folders by the templates of KeyLayout, with their prefix.

    Raises InvalidInput if two ids share a part of the job's path: `a-job_b-job_c` would be ambiguous.
    """

    def __init__(self, job_template: str, media_template: str) -> None:
        self._job = re.compile(f"({_pattern(job_template)})/.+", re.DOTALL)
        self._media = re.compile(_pattern(media_template), re.DOTALL)

    def of(self, key: str) -> JobFolder | None:
        """The folder of a key. None outside of jobs' folders, and for all objects of the media library."""
        found = self._job.fullmatch(key)
        if found is None or self._media.fullmatch(key):
            return None
        return JobFolder(found["jobId"], found[1])


def _pattern(template: str) -> str:
    pattern, seen = "", set[str]()
    for literal, name, _, _ in Formatter().parse(template):
        if seen and name and "/" not in literal:
            raise InvalidInput(
                f"The template {template!r} doesn't show whose an object is: put a slash between its ids."
            )
        pattern += re.escape(literal)
        if name:
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>{_IDS.get(name, _ID)})"
            seen.add(name)
    return pattern
