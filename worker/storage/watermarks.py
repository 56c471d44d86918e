"""The index of watermarks in the object store: it leads from a number to the images that have it.

An entry is an object whose key has the number, and that names a manifest. It is written before the manifest. What a
manifest doesn't confirm doesn't count, so an entry that is left over from a job that failed, or whose images were
deleted, leads nowhere.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from models.base import Document, JobId
from models.errors import NotFound, ObjectTooLarge, UnreadableDocument
from models.inspection import WatermarkedImage
from models.job import Job
from models.manifest import Manifest
from models.record import StoredImage
from models.watermark import HiddenNumber
from worker.storage.folders import JobFolder
from worker.storage.keys import KeyLayout
from worker.storage.manifests import read_manifest
from worker.storage.store import Storage

# Of 32 bits, so many share a number in no installation.
_MOST_CANDIDATES = 50
_MOST_ENTRY = 16 * 1024


class _Entry(Document):
    job_id: JobId
    manifest_key: str


class WatermarkIndex:
    """Finds images by the number in their pixels. Methods raise StorageError."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(self, job: Job, images: Iterable[StoredImage]) -> None:
        """Writes the entries of a job's images. Doing so again changes nothing."""
        keys = self._storage.keys
        entry = _Entry(job_id=job.job_id, manifest_key=keys.manifest_key(job)).to_json()
        for key in entries_of(images, keys):
            self._storage.put_json(key, entry)

    def remove(self, job: Job, kept: Collection[str]) -> None:
        """Deletes the entries of the images that the job's manifest names, except for those with a key in `kept`.
        Doing so again changes nothing, as long as the manifest is there."""
        manifest = self._manifest_at(self._storage.keys.manifest_key(job))
        if manifest:
            gone = (image for image in manifest.images if image.key not in kept)
            self._storage.delete(*entries_of(gone, self._storage.keys))

    def folder_of(self, key: str) -> JobFolder | None:
        """The folder of the job whose image an entry leads to. None if no entry of ours has this key."""
        if not key.startswith(self._storage.keys.watermarks):
            return None
        entry = self._entry_at(key)
        return JobFolder(entry.job_id, entry.manifest_key.rpartition("/")[0]) if entry else None

    def find(self, hidden: HiddenNumber) -> tuple[WatermarkedImage, ...]:
        """The images that have this number and that their manifests still name. Several, if numbers collide."""
        return tuple(self._confirmed(hidden))

    def _confirmed(self, hidden: HiddenNumber) -> Iterator[WatermarkedImage]:
        prefix = self._storage.keys.watermark_prefix(hidden)
        for found in islice(self._storage.list(prefix), _MOST_CANDIDATES):
            if manifest := self._manifest_of(found.key):
                for image in manifest.images:
                    if image.watermark == hidden:
                        yield self._described(manifest, image)

    def _manifest_of(self, key: str) -> Manifest | None:
        entry = self._entry_at(key)
        manifest = self._manifest_at(entry.manifest_key) if entry else None
        return manifest if entry and manifest and manifest.job_id == entry.job_id else None

    def _entry_at(self, key: str) -> _Entry | None:
        try:
            return _Entry.read(self._storage.get(key, max_bytes=_MOST_ENTRY))
        except (NotFound, ObjectTooLarge, UnreadableDocument):
            return None

    def _manifest_at(self, key: str) -> Manifest | None:
        try:
            return read_manifest(self._storage, key)
        except (NotFound, ObjectTooLarge, UnreadableDocument):
            return None

    def _described(self, manifest: Manifest, image: StoredImage) -> WatermarkedImage:
        return WatermarkedImage(
            job_id=manifest.job_id,
            project_id=manifest.project_id,
            influencer_id=manifest.influencer_id,
            asset_id=image.asset_id,
            shot=image.shot,
            created_at=manifest.created_at,
            is_stored=self._storage.head(image.key) is not None,
        )


def entries_of(images: Iterable[StoredImage], keys: KeyLayout) -> Iterator[str]:
    """The keys of the index's entries for images."""
    for image in images:
        if image.watermark:
            yield keys.watermark_key(image.watermark, image.asset_id)
