"""The lock of a repository of weights: the commit and the hash of every file that a fetch left on disk."""

import json
import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field, NonNegativeInt

from models.base import Document, Sha256, Time
from pipelines.profile import Source

NOTICES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE", "NOTICE.md", "NOTICE.txt")
"""Names of the licence and its notices. They are fetched and locked with all weights, and loaded by nothing."""

_TEXTS = frozenset((".json", ".txt", ".jinja", ".md"))
_NUMBERS = frozenset((".safetensors", ".onnx"))

_NAME = r"[A-Za-z0-9_][A-Za-z0-9._+=-]*"
_SUFFIX = "|".join(sorted(suffix[1:] for suffix in _TEXTS | _NUMBERS))

WeightPath = Annotated[
    str, Field(pattern=rf"^({_NAME}/)*({_NAME}\.({_SUFFIX})|LICENSE|NOTICE)$", max_length=300)
]
"""A relative path with `/`. No part begins with a dot, so it can neither leave the folder nor hide."""

Revision = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$", description="A full commit hash.")]


CHUNK = 256 * 1024 * 1024
"""Bytes of a file that are hashed by themselves, so that several cores hash a large one."""


class LockedFile(Document):
    sha256: Sha256
    bytes: NonNegativeInt
    chunks: tuple[Sha256, ...] = Field((), description="Of each 256 MiB, of files that are larger than that.")


class Lock(Document):
    """The files that were fetched of one repository, for every profile that shares it. Later loads must match
    it."""

    repository: str = Field(pattern=rf"^{_NAME}/{_NAME}$", description="`owner/name` on the hub.")
    revision: Revision
    fetched_at: Time | None = None
    patterns: tuple[str, ...] = Field((), description="Every pattern that files were fetched for, in order.")
    files: dict[WeightPath, LockedFile]

    @property
    def digest(self) -> str:
        """SHA-256 of repository, revision and files: the same for the same bytes, whenever they were fetched."""
        content = self.model_dump(mode="json", include={"repository", "revision"})
        content["files"] = {
            path: {"sha256": file.sha256, "bytes": file.bytes} for path, file in self.files.items()
        }
        return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def bytes(self) -> int:
        """The size of all its files."""
        return sum(file.bytes for file in self.files.values())

    def covers(self, patterns: Iterable[str]) -> bool:
        """Whether files were fetched for all of these. A pattern may match no file and still be covered."""
        return set(patterns) <= set(self.patterns)

    def narrowed(self, patterns: Iterable[str]) -> "Lock":
        """The part of the lock that these patterns match. Its digest doesn't change when another profile
        fetches."""
        wanted = tuple(sorted(patterns))
        files = {path: file for path, file in self.files.items() if matches(path, wanted)}
        return self.model_copy(update={"patterns": wanted, "files": files})

    def write(self, path: Path) -> None:
        """Replaces the file at `path` atomically: a reader gets the old lock or the new one."""
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        with beside.open("w") as file:
            file.write(self.model_dump_json(indent=2, exclude_none=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)


def suffixes(source: Source) -> frozenset[str]:
    """The only types of file that its weights may consist of: none of them can carry code. Others that lie beside
    them are refused, since loaders look around."""
    return _TEXTS | {source.suffix}


def is_known(path: str, source: Source) -> bool:
    """Whether the file is of a type that the source's weights may have."""
    return path in NOTICES or PurePosixPath(path).suffix in suffixes(source)


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether the hub's client would fetch `path` for one of these patterns (`*` also matches `/`)."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)
