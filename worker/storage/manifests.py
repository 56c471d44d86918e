"""Reads manifests from the object store."""

from models.manifest import Manifest
from worker.storage.store import Storage

_MOST = 16 * 1024 * 1024


def read_manifest(storage: Storage, key: str) -> Manifest:
    """Raises NotFound, ObjectTooLarge, UnreadableDocument, or StorageError."""
    return Manifest.read(storage.get(key, max_bytes=_MOST))
