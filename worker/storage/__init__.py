"""The object store: where a job's images, thumbnails and manifest go, and where references come from."""

from worker.storage.keys import KeyLayout
from worker.storage.store import Storage, StoredObject

__all__ = ["KeyLayout", "Storage", "StoredObject"]
