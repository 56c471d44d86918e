"""The job's optional callbackUrl and expiresAt."""

from typing import Any

import pytest

from models.errors import InvalidInput
from models.job import CloneJob

JOB: dict[str, Any] = {
    "jobId": "job_1",
    "source": {
        "influencerId": "inf_source",
        "projectId": "project-1",
        "name": "Nova",
        "status": "ready",
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00Z",
    },
    "influencerId": "inf_new",
    "name": "Nova B",
    "references": [{"assetId": "med_1"}],
}


def test_both_survive_the_way_through_the_queue() -> None:
    job = CloneJob.parse(
        JOB | {"callbackUrl": "https://a.example/?x=1", "expiresAt": "2026-11-24T10:58:00+01:00"}
    )
    assert job.to_data()["expiresAt"] == "2026-11-24T09:58:00.000Z"
    assert CloneJob.parse(job.to_json()) == job
    assert job.fingerprint != CloneJob.parse(JOB).fingerprint
    assert job.fingerprint == CloneJob.parse(job.to_json()).fingerprint


@pytest.mark.parametrize(
    "wrong",
    [
        {"callbackUrl": "ftp://a.example/"},
        {"callbackUrl": "a.example/hook"},
        {"callbackUrl": "https://a.example/a b"},
        {"callbackUrl": "https://a.example/" + "x" * 8192},
        {"expiresAt": 1795000000},
        {"expiresAt": "tomorrow"},
        # Not in UTC's calendar any more.
        {"expiresAt": "0001-01-01T00:00:00+23:59"},
        {"expiresAt": "9999-12-31T23:59:59-23:59"},
    ],
)
def test_what_is_neither_a_url_nor_a_time_is_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(InvalidInput, match=name):
        CloneJob.parse(JOB | wrong)
