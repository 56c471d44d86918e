"""Documents that Likeness wrote are read by older versions of it: they ignore what they don't know."""

from typing import Any

import pytest

from models.base import Document
from models.errors import InvalidInput
from models.manifest import Manifest, Provenance, RenderInfo, UsedReference
from models.operations import WorkerJob, WorkerState
from models.record import Asked, JobError, JobRecord

NOW = "2026-11-29T12:00:00.000Z"
RECORD = JobRecord.parse(
    {
        "jobId": "job_1",
        "status": "failed",
        "stage": "done",
        "progress": 0.5,
        "sequence": 3,
        "influencerId": "inf_1",
        "projectId": "p",
        "locationUrl": "/v1/jobs/job_1",
        "submittedAt": NOW,
        "updatedAt": NOW,
        "asked": Asked(name="Nova", shots=("front",)).to_data(),
        "error": JobError(code="X", message="It failed.", details={"any": 1}).to_data(),
    }
)
MANIFEST = Manifest.parse(
    {
        "jobId": "job_1",
        "influencerId": "inf_1",
        "projectId": "p",
        "createdAt": NOW,
        "images": [],
        "references": [UsedReference(asset_id="med_1", sha256="0" * 64).to_data()],
        "render": RenderInfo(
            profile="p", pipeline="P", steps=1, dtype="float32", device="cpu", versions={}
        ).to_data(),
    }
)
WORKER = WorkerState(node="n:1", jobs=(WorkerJob(job_id="job_1"),))

# Objects that may have any field.
FREE = ("details", "versions", "options")


def newer(value: Any) -> Any:
    """The JSON data as a newer version might write it: with a field more in each object."""
    if isinstance(value, list):
        return [newer(one) for one in value]
    if isinstance(value, dict):
        grown = {name: one if name in FREE else newer(one) for name, one in value.items()}
        return grown | {"addedLater": {"by": "a newer version"}}
    return value


@pytest.mark.parametrize(
    "document", [RECORD, MANIFEST, WORKER, Provenance()], ids=lambda one: type(one).__name__
)
def test_what_a_newer_version_adds_is_ignored(document: Document) -> None:
    read = type(document).read(newer(document.to_data()))
    assert read.to_data().keys() == document.to_data().keys()
    assert "addedLater" not in str(read.to_data())


def test_a_request_with_an_unknown_field_is_still_refused() -> None:
    with pytest.raises(InvalidInput, match="addedLater"):
        JobRecord.parse(newer(RECORD.to_data()))


def test_what_is_missing_or_wrong_is_refused_in_either_way() -> None:
    with pytest.raises(InvalidInput, match="jobId"):
        JobRecord.read(RECORD.to_data() | {"jobId": 7})
