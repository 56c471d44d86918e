"""Jobs as their producer sends them."""

from models.job import Job
from worker.queue.jobs import JobStore, WaitingJob


def submitted(store: JobStore, job: Job) -> WaitingJob:
    """The job as its producer sends it."""
    waiting = store.submit(job)
    assert waiting
    return waiting
