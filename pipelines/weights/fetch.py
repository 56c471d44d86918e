"""Fetches weights into the store, as the lock has them: from the hub, whose client this imports, or an address."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from models.errors import WeightsFetchFailed, WeightsMissing, WeightsRefused
from pipelines.profile import Source
from pipelines.weights import web
from pipelines.weights.configs import check_config
from pipelines.weights.hashing import hash_chunks, hash_files
from pipelines.weights.hub import RemoteFile, download, list_files, newest_revision
from pipelines.weights.lock import NOTICES, Lock, LockedFile, WeightPath, is_known, matches, suffixes
from pipelines.weights.store import WeightStore
from pipelines.weights.verify import check_known, verify

_SPARE = 256 * 1024 * 1024
"""Bytes of the disk that a fetch leaves free."""

Tell = Callable[[str], None]


def fetch(store: WeightStore, source: Source, *, update: bool = False, tell: Tell = lambda _: None) -> Lock:
    """Brings the source's files to this machine and returns the repository's lock.

    The commit is the lock's, else the source's own, else the newest, which the lock then pins for all later
    fetches. `update` ignores the lock and moves to the source's commit or the newest one, for every profile that
    shares the repository. Files that are there and right are kept; an interrupted fetch continues with the files
    that weren't finished; everything is compared with the lock and with the hashes that the hub lists. Afterwards
    the folder holds what the lock names and nothing else.

    `tell` gets a sentence about each stage; the download draws bars on standard error. Raises WeightsFetchFailed
    (network, rights, disk; what was downloaded is kept) or WeightsRefused (the hub's bytes aren't the locked ones).
    """
    lock = store.lock(source)
    held = None if update else lock
    if held is not None:
        _check_pin(source, held)
        check_known(source, held)
        # If there is nothing to do, neither a network nor a writable folder is needed.
        tell(f"Comparing what is there of {source.repository} with its lock.")
        with suppress(WeightsMissing, WeightsRefused):
            verify(store, source)
            if held.covers(NOTICES):
                return held
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        with _alone(store.part(source), source):
            return _fetch(store, source, lock, held, tell)
    except OSError as error:
        raise WeightsFetchFailed(
            f"{source.repository} can't be fetched: {error.filename or store.root}: {error.strerror}. "
            "Check the folder's rights, or set LIKENESS_WEIGHTS_DIR to another.",
            repository=source.repository,
        ) from None


def _fetch(store: WeightStore, source: Source, lock: Lock | None, held: Lock | None, tell: Tell) -> Lock:
    folder, part = store.folder(source), store.part(source)
    if folder.is_symlink():
        folder.unlink()
    patterns = sorted({*source.files, *NOTICES, *(lock.patterns if lock else ())})
    revision = held.revision if held else source.revision or newest_revision(source.repository)
    listed = _wanted(source, revision, patterns)
    if held is not None:
        _check_listing(source, held, listed)

    sizes = {path: size for path, size in _files(folder) if path in listed and listed[path].bytes == size}
    if sizes:
        tell(f"Comparing {len(sizes)} files that are there with their hashes.")
    known = {
        path: digest
        for path, digest in hash_files(folder, sizes).items()
        if _is(listed[path], folder, digest, held)
    }
    needed = [remote for path, remote in listed.items() if path not in known]
    if needed:
        shared = _share(store, source, needed)
        absent = [remote for remote in needed if remote.path not in shared]
        if shared:
            tell(f"Linked {len(shared)} files that another repository's folder has.")
        _check_space(part, absent)
        if absent:
            tell(
                f"Downloading {len(absent)} files, {sum(remote.bytes for remote in absent):,} bytes, at {revision}."
            )
            if source.address:
                web.download(source, absent, part)
            else:
                download(source.repository, revision, absent, part)
        tell("Comparing them with the hub's hashes.")
        known |= _check_downloaded(source, part, needed, held)

    for path, digest in known.items():
        # The hub lists a SHA-256 of large files alone, so the others are known only now.
        if source.sha256.get(path) not in {None, digest}:
            raise _not_published(source, path, revision)
    sizes = {path: remote.bytes for path, remote in listed.items()}
    new_sizes = {remote.path: sizes.pop(remote.path) for remote in needed}
    chunks = hash_chunks(folder, sizes) | hash_chunks(part, new_sizes)
    new = Lock(
        repository=source.repository,
        revision=revision,
        fetched_at=datetime.now(UTC),
        patterns=tuple(patterns),
        files={
            path: LockedFile(sha256=known[path], bytes=listed[path].bytes, chunks=chunks.get(path, ()))
            for path in sorted(listed)
        },
    )
    # All that the lock names is on this disk now, in one folder or the other. The lock is written before the files
    # are moved, so that the next fetch can finish one that is killed in between.
    new.write(store.lock_path(source))
    _remove_others(folder, listed.keys(), tell)
    for remote in needed:
        target = folder / remote.path
        target.parent.mkdir(parents=True, exist_ok=True)
        (part / remote.path).replace(target)
    return new


def _share(store: WeightStore, source: Source, needed: Iterable[RemoteFile]) -> set[str]:
    """Links files whose content another repository has, so that it is on the disk once. Returns their paths."""
    own = f"{store.folder(source).name}/"
    there = {file.sha256: path for path, file in store.files() if not path.startswith(own)}
    wanted = {remote.path: there[remote.sha256] for remote in needed if remote.sha256 in there}
    digests = hash_files(
        store.root, {wanted[remote.path]: remote.bytes for remote in needed if remote.path in wanted}
    )
    shared = set()
    for remote in needed:
        other = wanted.get(remote.path)
        if other is None or digests.get(other) != remote.sha256:
            continue
        target = store.part(source) / remote.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        with suppress(OSError):  # another file system, or one without links: it is downloaded
            target.hardlink_to(store.root / other)
            shared.add(remote.path)
    return shared


def _check_pin(source: Source, held: Lock) -> None:
    if source.revision not in {None, held.revision}:
        raise WeightsRefused(
            f"The lock of {source.repository} holds it at commit {held.revision}, and the profile is pinned to "
            f"{source.revision}. To move to that one, fetch with --update.",
            repository=source.repository,
        )


def _wanted(source: Source, revision: str, patterns: Iterable[str]) -> dict[str, RemoteFile]:
    """The listed files to fetch, by path. Raises WeightsRefused for a name or a type of file that is never
    loaded."""
    there = web.list_files(source) if source.address else list_files(source.repository, revision)
    listed = {remote.path: remote for remote in there if matches(remote.path, patterns)}
    if not listed:
        raise WeightsFetchFailed(
            f"{source.repository} has no file that the profile asks for at commit {revision}. Check the "
            "profile's file patterns.",
            repository=source.repository,
        )
    for path, remote in listed.items():
        known = source.sha256.get(path)
        if known is not None and remote.sha256 not in {None, known}:
            raise _not_published(source, path, revision)
        try:
            TypeAdapter(WeightPath).validate_python(path)
            known_type = is_known(path, source)
        except ValidationError:
            known_type = False
        if not known_type:
            raise WeightsRefused(
                f"{source.repository} lists {path[:100]!r}, which is not fetched: only plain names that end in "
                f"{', '.join(sorted(suffixes(source)))} are. Narrow the profile's file patterns.",
                repository=source.repository,
                file=path[:300],
            )
    return listed


def _check_listing(source: Source, held: Lock, listed: Mapping[str, RemoteFile]) -> None:
    """Checks, before anything is downloaded, that the hub still lists what is locked."""
    for path, file in held.files.items():
        remote = listed.get(path)
        if remote is None or remote.bytes != file.bytes or remote.sha256 not in {None, file.sha256}:
            raise _changed(source, path, held)


def _is(remote: RemoteFile, folder: Path, digest: str, held: Lock | None) -> bool:
    """Whether the file with this digest is the listed one, and the locked one if it is locked."""
    locked = held.files.get(remote.path) if held else None
    return remote.is_at(folder / remote.path, digest) and (locked is None or locked.sha256 == digest)


def _check_downloaded(
    source: Source, part: Path, needed: Iterable[RemoteFile], held: Lock | None
) -> dict[str, str]:
    """The digests of what was downloaded. A file that isn't as listed is deleted, so that the next fetch gets it
    again."""
    digests = hash_files(part, {remote.path: remote.bytes for remote in needed})
    for remote in needed:
        file = part / remote.path
        if _is(remote, part, digests[remote.path], held):
            if file.suffix == ".json":
                check_config(part, remote.path)
            continue
        as_listed = remote.is_at(file, digests[remote.path])
        file.unlink()
        if as_listed and held is not None:
            raise _changed(source, remote.path, held)
        raise WeightsRefused(
            f"What the hub sent as {remote.path} of {source.repository} is not what it lists. Try again; if it "
            "stays so, something between here and the hub changes files.",
            repository=source.repository,
            file=remote.path,
        )
    return digests


def _not_published(source: Source, path: str, revision: str) -> WeightsRefused:
    return WeightsRefused(
        f"The hub has another {path} of {source.repository} at commit {revision} than was published. Don't use it; "
        "tell Likeness's developers.",
        repository=source.repository,
        file=path,
    )


def _changed(source: Source, path: str, held: Lock) -> WeightsRefused:
    return WeightsRefused(
        f"The hub has another {path} of {source.repository} at commit {held.revision} than the lock, although a "
        "commit never changes. Ask its owner before you use it; --update takes the newest commit instead.",
        repository=source.repository,
        file=path,
    )


def _check_space(part: Path, needed: Iterable[RemoteFile]) -> None:
    done = dict(_files(part))
    missing = sum(remote.bytes for remote in needed if done.get(remote.path) != remote.bytes)
    begun = sum(half.stat().st_size for half in (part / ".cache").glob("*.half"))
    free = shutil.disk_usage(part).free + begun
    if missing + _SPARE > free:
        raise WeightsFetchFailed(
            f"The disk of {part.parent} has {free:,} bytes free, and {missing + _SPARE:,} are needed. Make room, "
            "or set LIKENESS_WEIGHTS_DIR to a folder on a larger disk.",
            free=free,
            needed=missing + _SPARE,
        )


@contextmanager
def _alone(part: Path, source: Source) -> Iterator[None]:
    """Locks the part folder. The client's own partial files, which it can't resume, are removed."""
    part.mkdir(exist_ok=True)
    handle = os.open(part, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for unfinished in (part / ".cache").rglob("*.incomplete"):
            unfinished.unlink()
        yield
        shutil.rmtree(part)
    except BlockingIOError:
        raise WeightsFetchFailed(
            f"Another process is fetching {source.repository} to {part.parent}. Wait for it.",
            repository=source.repository,
        ) from None
    finally:
        os.close(handle)


def _remove_others(folder: Path, keep: Iterable[str], tell: Tell) -> None:
    """Removes what the lock doesn't name: an older commit's files, links, whatever else would make `verify`
    refuse."""
    plain = {path for path, _ in _files(folder)} & set(keep)
    for inside, folders, names in os.walk(folder):
        for name in (*names, *(name for name in folders if (Path(inside) / name).is_symlink())):
            path = Path(inside) / name
            if path.relative_to(folder).as_posix() not in plain:
                path.unlink()
                tell(f"Removed {path}, which the lock doesn't name.")


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Plain files below the folder, no link followed, and their sizes in bytes. The client's own are left out."""
    for inside, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".cache"]
        for name in names:
            path = Path(inside) / name
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path.stat().st_size
