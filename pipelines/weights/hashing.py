"""Hashes files on all cores: several files at once, and the parts of a large one."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest, sha256
from pathlib import Path

from pipelines.weights.lock import CHUNK, LockedFile

# More threads than this wait for the disk, not for the processor.
_MOST_THREADS = 8
_AT_ONCE = 1024 * 1024


def hash_files(folder: Path, sizes: Mapping[str, int]) -> dict[str, str]:
    """SHA-256 of each file (path → size in bytes), biggest first, so that no thread starts it last."""
    paths = sorted(sizes, key=lambda path: sizes[path], reverse=True)
    with _pool() as pool:
        return dict(zip(paths, pool.map(lambda path: _whole(folder / path), paths), strict=True))


def hash_chunks(folder: Path, sizes: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """SHA-256 of each chunk of those files that are larger than one."""
    large = {path: size for path, size in sizes.items() if size > CHUNK}
    with _pool() as pool:
        return {
            path: tuple(
                pool.map(lambda start, path=path: _chunk(folder / path, start), range(0, size, CHUNK))
            )
            for path, size in large.items()
        }


def changed(folder: Path, files: Mapping[str, LockedFile]) -> str | None:
    """The first file whose content isn't as locked. A large one is compared chunk by chunk, if its chunks are."""
    paths = sorted(files, key=lambda path: files[path].bytes, reverse=True)
    with _pool() as pool:
        found = {}
        for path in paths:
            locked = files[path]
            if locked.chunks:
                starts = range(0, locked.bytes, CHUNK)
                found[path] = [pool.submit(_chunk, folder / path, start) for start in starts]
            else:
                found[path] = [pool.submit(_whole, folder / path)]
        for path in paths:
            digests = tuple(future.result() for future in found[path])
            if digests != (files[path].chunks or (files[path].sha256,)):
                return path
    return None


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1))  # hashlib releases the GIL


def _whole(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _chunk(path: Path, start: int) -> str:
    digest, left = sha256(), CHUNK
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while left and (data := file.read(min(left, _AT_ONCE))):
            digest.update(data)
            left -= len(data)
    return digest.hexdigest()
