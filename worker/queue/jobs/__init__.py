"""The job store: records, events, leases and cancel flags in Redis."""

from worker.queue.jobs.reader import Standing
from worker.queue.jobs.store import Claim, JobStore, Lease, WaitingJob, conflict

__all__ = ["Claim", "JobStore", "Lease", "Standing", "WaitingJob", "conflict"]
