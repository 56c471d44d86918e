"""What a job has in the object store."""

from models.job import CloneJob
from worker.storage import Storage

MB = 1024 * 1024


def contents(storage: Storage, job: CloneJob) -> dict[str, bytes]:
    prefix = storage.keys.job_prefix(job)
    return {found.key: storage.get(found.key, MB) for found in storage.list(prefix)}
