"""What operators see of a deployment: its queue by tier, its workers, and how much waits for somebody."""

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from models.base import Document, JobId, Time


class TierQueue(Document):
    """The jobs of one tier that aren't final, by what they wait for."""

    tier: str
    waiting: NonNegativeInt = Field(
        description="Messages on the tier's queues, and jobs that wait for their next attempt."
    )
    parked: NonNegativeInt = Field(description="Jobs that wait for a slot of their project or organisation.")
    held: NonNegativeInt = Field(description="Jobs that a worker has.")
    oldest_waiting_seconds: NonNegativeFloat = Field(
        description="How long the oldest message on the tier's queues has been there. 0: there is none."
    )


class WorkerJob(Document):
    """A job that a worker holds."""

    job_id: JobId
    since: Time | None = Field(None, description="When the worker claimed it.")


class WorkerState(Document):
    """A worker. One that is silent, and still holds a job, has no more than its node's name."""

    worker: str | None = Field(
        None, description="Its id, as in the records of its jobs. A process gets a new one."
    )
    node: str = Field(description="`host:pid`.")
    profile: str | None = None
    device: str | None = None
    version: str | None = None
    since: Time | None = Field(None, description="When its profile was loaded.")
    signer_ends: Time | None = Field(None, description="When the certificate ends that it signs images with.")
    ready: bool = False
    reasons: tuple[str, ...] = Field((), description="Why it takes no new job.")
    jobs: tuple[WorkerJob, ...] = ()


class Backlog(Document):
    """One look at the queue. Its parts are read one after the other, so each may be from another moment."""

    tiers: tuple[TierQueue, ...]
    workers: tuple[WorkerState, ...]
    dead_letters: NonNegativeInt
    webhooks_pending: NonNegativeInt
    signer_ends: Time | None = Field(
        None,
        description="The first end of the live workers' certificates. Without live workers, that of the last one.",
    )
