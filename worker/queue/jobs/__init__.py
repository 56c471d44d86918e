"""The job store: records, events, leases and cancel flags in Redis."""

from worker.queue.jobs.store import Claim, JobStore, Lease, Standing, WaitingJob, conflict

__all__ = ["Claim", "JobStore", "Lease", "Standing", "WaitingJob", "conflict"]
