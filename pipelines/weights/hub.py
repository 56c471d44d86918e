"""The part of the Hugging Face hub that fetching weights needs. Importing this imports the hub's client."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from models.errors import WeightsFetchFailed

_THREADS = 4


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub lists it."""

    path: str
    bytes: int
    sha256: str | None
    """None for small files, which git itself keeps."""
    blob: str
    """Git's own hash, for the small files."""

    def is_at(self, path: Path, sha256: str) -> bool:
        """Whether the file at `path`, which has this SHA-256, is the one that the hub lists."""
        if self.sha256 is not None:
            return self.sha256 == sha256
        content = path.read_bytes()
        header = f"blob {len(content)}\0".encode()
        return self.blob == hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def newest_revision(repository: str) -> str:
    """The full hash of the newest commit of the repository's main branch. Raises WeightsFetchFailed."""
    with _explained(repository):
        revision = HfApi().model_info(repository, revision="main").sha
    if revision is None:
        raise WeightsFetchFailed(
            f"The hub names no commit for {repository}. Try again.", repository=repository
        )
    return revision


def list_files(repository: str, revision: str) -> list[RemoteFile]:
    """Every file of the repository at a commit. Raises WeightsFetchFailed."""
    with _explained(repository):
        entries = list(HfApi().list_repo_tree(repository, recursive=True, revision=revision))
    return [
        RemoteFile(entry.path, entry.size, entry.lfs.sha256 if entry.lfs else None, entry.blob_id)
        for entry in entries
        if isinstance(entry, RepoFile)
    ]


def download(repository: str, revision: str, paths: Iterable[str], folder: Path) -> None:
    """Downloads the files to `folder`, with progress bars on standard error.

    Files from an earlier call at the same commit aren't downloaded again. Raises WeightsFetchFailed.
    """
    with _explained(repository):
        snapshot_download(
            repository,
            revision=revision,
            local_dir=folder,
            allow_patterns=[escape(path) for path in paths],
            max_workers=_THREADS,
        )


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    """Turns the client's errors into one sentence. Their own text may quote headers, so it isn't passed on."""
    try:
        yield
    except OfflineModeIsEnabled:
        reason = (
            "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, which forbids it. Unset both for this command."
        )
    except GatedRepoError:
        reason = (
            f"The repository is gated. Accept its licence on https://huggingface.co/{repository}, and set HF_TOKEN "
            "to a token of that account."
        )
    except RepositoryNotFoundError:
        reason = (
            "There is no such repository, or it is private: then set HF_TOKEN to a token that may read it."
        )
    except RevisionNotFoundError:
        reason = "The repository has no such commit. Has its owner rewritten its history?"
    except HfHubHTTPError as error:
        status = error.response.status_code
        reason = f"The hub answered with HTTP status {status}. " + (
            "Check HF_TOKEN." if status in {401, 403} else "Try again: what is finished is kept."
        )
    except (HTTPError, OSError) as error:
        system = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        reason = (
            f"{type(error).__name__}{system}. Check the network, HF_ENDPOINT and the disk, and try again: what is "
            "finished is kept."
        )
    else:
        return
    raise WeightsFetchFailed(f"{repository} can't be fetched. {reason}", repository=repository)
