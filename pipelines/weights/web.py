"""Files at an https address, for weights that the hub doesn't have."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from httpx2 import Client, HTTPError, InvalidURL

from models.errors import WeightsFetchFailed
from pipelines.profile import Source
from pipelines.weights.hub import RemoteFile

_TIMEOUT = 60.0
"""Seconds without a byte."""


def list_files(source: Source) -> list[RemoteFile]:
    """The files that the source has hashes of, with the sizes that the server says. Raises WeightsFetchFailed."""
    listed = []
    with _client(source) as client:
        for path, sha256 in source.sha256.items():
            answer = client.head(f"{source.address}{path}").raise_for_status()
            listed.append(RemoteFile(path, int(answer.headers.get("Content-Length", 0)), sha256, ""))
    for remote in listed:
        # A server may say anything, and the disk is filled by what it says.
        if not 0 < remote.bytes <= 2 * source.download:
            raise _failed(source, f"The server says that {remote.path} has {remote.bytes:,} bytes.")
    return listed


def download(source: Source, remotes: Iterable[RemoteFile], folder: Path) -> None:
    """Downloads the files to `folder`. Raises WeightsFetchFailed. Their hashes are for the caller to compare."""
    with _client(source) as client:
        for remote in remotes:
            target = folder / remote.path
            half = folder / ".cache" / f"{remote.sha256}.half"
            for each in (target, half):
                each.parent.mkdir(parents=True, exist_ok=True)
            with client.stream("GET", f"{source.address}{remote.path}") as answer, half.open("wb") as file:
                answer.raise_for_status()
                for chunk in answer.iter_bytes():
                    file.write(chunk)
                    if file.tell() > remote.bytes:
                        raise _failed(
                            source, f"The server sends more than {remote.bytes:,} of {remote.path}."
                        )
            half.replace(target)


@contextmanager
def _client(source: Source) -> Iterator[Client]:
    """A client that follows no redirects, so that no other host is asked than the one that is named."""
    if not source.address.startswith("https://"):
        raise _failed(source, "Its address isn't https.")
    try:
        with Client(
            timeout=_TIMEOUT, follow_redirects=False, headers={"Accept-Encoding": "identity"}
        ) as client:
            yield client
    except (HTTPError, InvalidURL, OSError, ValueError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        said = f"HTTP status {status}" if status else type(error).__name__
        raise _failed(source, f"{said}. Check the network and the disk, and try again.") from None


def _failed(source: Source, reason: str) -> WeightsFetchFailed:
    return WeightsFetchFailed(
        f"{source.repository} can't be fetched from {source.address}. {reason}", repository=source.repository
    )
