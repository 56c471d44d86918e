"""The job store: records, events, leases and cancel flags in Redis."""

from worker.jobs.store import Claim, JobStore, Lease, WaitingJob, conflict

__all__ = ["Claim", "JobStore", "Lease", "WaitingJob", "conflict"]
