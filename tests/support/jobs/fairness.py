"""Jobs of several projects."""

from datetime import UTC, datetime, timedelta

from models.job import CloneJob, CloneRequest, ReferenceSource
from tests.support.jobs.stored import SOURCE
from worker.client import plan_clone
from worker.queue.jobs import WaitingJob


def make_job(project: str = "project-1", expires_in: float | None = None) -> CloneJob:
    return plan_clone(
        SOURCE.model_copy(update={"project_id": project}),
        CloneRequest(name="Nova B"),
        [ReferenceSource(asset_id="med_1")],
        ["front"],
        expires_at=None if expires_in is None else datetime.now(UTC) + timedelta(seconds=expires_in),
    )


def ids(waiting: list[WaitingJob]) -> list[str]:
    return [one.job_id for one in waiting]
