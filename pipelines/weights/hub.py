"""The part of the Hugging Face hub that fetching weights needs. Importing this imports the hub's client."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi, hf_hub_url, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._headers import build_hf_headers

from models.errors import WeightsFetchFailed

_THREADS = 4

LARGE = 64 * 1024 * 1024
"""Bytes from which on a file is worth going on with."""


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


def download(repository: str, revision: str, remotes: Iterable[RemoteFile], folder: Path) -> None:
    """Downloads the files to `folder`, with progress bars on standard error.

    Files that are there from an earlier call at the same commit aren't asked for again, and a large one that broke
    off goes on where it was. Raises WeightsFetchFailed.
    """
    large: list[RemoteFile] = []
    small: list[RemoteFile] = []
    for remote in remotes:
        (large if remote.sha256 and remote.bytes >= LARGE else small).append(remote)
    with _explained(repository):
        if small:
            snapshot_download(
                repository,
                revision=revision,
                local_dir=folder,
                allow_patterns=[escape(remote.path) for remote in small],
                max_workers=_THREADS,
            )
        with ThreadPoolExecutor(_THREADS) as pool:
            jobs = [pool.submit(_resume, repository, revision, remote, folder) for remote in large]
            try:
                for job in jobs:
                    job.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _resume(repository: str, revision: str, remote: RemoteFile, folder: Path) -> None:
    """Downloads one large file. The hub's client begins such files anew, in a file with a random name."""
    target = folder / remote.path
    if target.is_file() and target.stat().st_size == remote.bytes:
        return
    half = folder / ".cache" / f"{remote.sha256}.half"
    half.parent.mkdir(parents=True, exist_ok=True)
    if half.exists() and half.stat().st_size > remote.bytes:
        half.unlink()
    with half.open("ab") as file:
        http_get(
            hf_hub_url(repository, remote.path, revision=revision),
            file,
            resume_size=file.tell(),
            headers=build_hf_headers(),
            expected_size=remote.bytes,
            displayed_filename=remote.path,
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    half.replace(target)


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
