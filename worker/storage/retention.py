"""Retention: finds and deletes objects of jobs that nothing accounts for.

A clone's manifest accounts for the objects it names, and for its images' entries in the index of watermarks. A
failed job's record accounts for the evidence that it names, for as long as the record is kept. A job that isn't
final accounts for everything in its folder, and for its entries.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import Any

from models.errors import NotFound, ObjectTooLarge, UnreadableDocument
from models.manifest import Manifest
from models.record import JobRecord
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.storage import Storage, StoredObject
from worker.storage.folders import JobFolder
from worker.storage.manifests import read_manifest
from worker.storage.watermarks import WatermarkIndex, entries_of


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Objects of one job that nothing accounts for. `doubt`: why its objects were left alone, if they were."""

    folder: JobFolder
    objects: tuple[StoredObject, ...] = ()
    doubt: str | None = None

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(found.size for found in self.objects)


class Retention:
    """Finds and deletes leftovers, in jobs' folders and the index of watermarks only. It never touches the media
    library, or what others keep in the bucket.

    Methods raise StorageError and QueueUnavailable. A job that Redis doesn't know counts as over, so this must be
    the Redis of the workers that write under the settings' prefix.
    """

    def __init__(self, settings: Settings, storage: Storage) -> None:
        """Raises InvalidInput if the key template is ambiguous about an object's job."""
        self._storage = storage
        self._store = JobStore(settings)
        self._folders = storage.keys.folders()
        self._watermarks = WatermarkIndex(storage)

    def find(self, age: float) -> Iterator[Leftovers]:
        """Yields what is older than `age` seconds by the store's clock and not accounted for, job by job."""
        before = self._storage.clock() - timedelta(seconds=age)
        listed = (one for one in self._storage.list_all() if one.last_modified <= before)
        doubted = set[JobFolder]()
        # A folder comes in pieces: not all stores list in order of keys, and the index isn't in jobs' folders.
        for folder, found in groupby(listed, lambda one: self._folder_of(one.key)):
            if folder is None:
                continue
            # The record is read after the listing, and the manifest after the record: if a job ends meanwhile,
            # one of them says so.
            leftovers = self._unaccounted(Leftovers(folder, tuple(found)))
            if leftovers.objects or (leftovers.doubt and folder not in doubted):
                yield leftovers
            if leftovers.doubt:
                doubted.add(folder)

    def delete(self, leftovers: Leftovers) -> Leftovers:
        """Deletes what still isn't accounted for, and returns it."""
        left = self._unaccounted(leftovers)
        for start in range(0, len(left.objects), 1000):
            self._storage.delete(*(one.key for one in left.objects[start : start + 1000]))
        return left

    def _unaccounted(self, found: Leftovers) -> Leftovers:
        record = self._record(found.folder.job_id)
        if record and not record.is_final:
            return Leftovers(found.folder)
        if record and record.status != "completed":
            # If there is a manifest, it was never published.
            accounted = _evidence_of(record)
        else:
            key = f"{found.folder.path}/manifest.json"
            try:
                manifest = read_manifest(self._storage, key)
            except NotFound:
                if record:
                    return Leftovers(found.folder, doubt="it completed, and its manifest is missing")
                accounted = set()
            except (UnreadableDocument, ObjectTooLarge):
                return Leftovers(found.folder, doubt="its manifest can't be read")
            else:
                accounted = _keys_of(manifest)
                if not all(named.startswith(f"{found.folder.path}/") for named in accounted):
                    # The bucket was copied or moved, so that no name can be trusted.
                    return Leftovers(found.folder, doubt="its manifest names objects of another folder")
                accounted |= {key, *_named_in(manifest.to_data(), f"{found.folder.path}/")}
                accounted |= set(entries_of(manifest.images, self._storage.keys))
        return replace(found, objects=tuple(one for one in found.objects if one.key not in accounted))

    def _folder_of(self, key: str) -> JobFolder | None:
        return self._folders.of(key) or self._watermarks.folder_of(key)

    def _record(self, job_id: str) -> JobRecord | None:
        try:
            return self._store.get(job_id)
        except NotFound:
            return None


def _named_in(data: Any, folder: str) -> Iterator[str]:
    """The objects of a folder that a document names anywhere, also in a newer version's unknown fields."""
    if isinstance(data, str) and data.startswith(folder):
        yield data
    elif isinstance(data, dict | list):
        for one in data.values() if isinstance(data, dict) else data:
            yield from _named_in(one, folder)


def _keys_of(manifest: Manifest) -> set[str]:
    missed = manifest.likeness.missed if manifest.likeness else ()
    return {
        *(image.key for image in manifest.images),
        *(image.thumbnail_key for image in manifest.images),
        *(one.evidence_key for one in missed if one.evidence_key),
    }


def _evidence_of(record: JobRecord) -> set[str]:
    missed = record.error.details.get("missed", []) if record.error else []
    return {one["evidenceKey"] for one in missed if one.get("evidenceKey")}
