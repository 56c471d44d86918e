"""Jobs in the job store, as tests want them."""

from models.influencer import Influencer
from models.job import CloneJob, CloneRequest, Job, ReferenceSource
from models.record import JobError, JobResult
from models.source_type import SourceType
from worker.base.settings import Settings
from worker.client import plan_clone
from worker.queue.jobs import JobStore, Lease

SOURCE = Influencer.parse(
    {
        "influencerId": "inf_source",
        "projectId": "project-1",
        "name": "Nova",
        "status": "ready",
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00Z",
    }
)

ERROR = JobError(code="RENDER_FAILED", message="It broke.", retryable=True)


def make_job(name: str = "Nova B", job_id: str | None = None) -> CloneJob:
    return plan_clone(
        SOURCE, CloneRequest(name=name), [ReferenceSource(asset_id="med_1")], ["front"], job_id=job_id
    )


def result_of(job: CloneJob) -> JobResult:
    row = job.finished_row((), SOURCE.created_at)
    return JobResult(
        influencer=row,
        images=(),
        digital_source_type=SourceType.COMPOSITE,
        manifest_key="m",
        manifest_url="https://m",
    )


def claimed(store: JobStore, job: Job, holder: str = "me") -> Lease:
    claim = store.claim(job, holder)
    assert claim.verdict == "claimed"
    assert claim.lease
    return claim.lease


def short(settings: Settings, **changes: object) -> JobStore:
    return JobStore(settings.model_copy(update={"lease_ttl": 0.5, "resend_after": 0.5, **changes}))
