"""Whose face references show: what a job states, and that jobs which state nothing are the jobs they were."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.errors import InvalidInput
from models.influencer import Influencer
from models.job import CloneJob, CreateJob, parse_job
from models.reference_origin import ReferenceOrigin
from tests.support.jobs.contract import INFLUENCER, job

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SOURCES = {"kind": "consented", "statedBy": "Acme", "statedAt": "2026-11-01T00:00:00.000Z"}
OWN = {"kind": "synthetic", "statedBy": "Nova Ltd"}


def create_job(**fields: Any) -> CreateJob:
    return CreateJob.parse({"kind": "influencer_create", "jobId": "job_1", "persona": INFLUENCER | fields})


def test_jobs_of_before_there_was_the_statement_keep_their_fingerprints() -> None:
    """These are an earlier version's."""
    changed = job(overrides={"hairColor": None, "ageRange": "30s"}, organisation="acme")
    assert [job().fingerprint, changed.fingerprint, create_job().fingerprint] == [
        "b9ba6a522bb20c761298f87c71f7eb80b2df823af6aacf74611c768c80981a90",
        "a5e966b5d1f3d63f16db597f2eacd8cf9fabd318c600f5289d5bfc68b9e7118e",
        "03de6d5aaa1445de133ef28b025a8f8e30ecce12ab880ab9df0f196958e70795",
    ]
    assert "referenceOrigin" not in job().to_json() + create_job().to_json()


def test_a_statement_is_a_part_of_the_content() -> None:
    stated = job(source=INFLUENCER | {"referenceOrigin": SOURCES})
    assert stated.fingerprint != job().fingerprint
    assert parse_job(stated.to_json()) == stated
    assert parse_job(stated.to_json()).fingerprint == stated.fingerprint


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [({}, SOURCES), ({"referenceOrigin": OWN}, OWN), ({"referenceOrigin": None}, None)],
)
def test_a_clone_inherits_its_sources_statement_unless_it_has_its_own(overrides: Any, expected: Any) -> None:
    clone: CloneJob = job(source=INFLUENCER | {"referenceOrigin": SOURCES}, overrides=overrides)
    again = CloneJob.parse(clone.to_json())
    assert again == clone
    assert again.fingerprint == clone.fingerprint
    origin = again.reference_origin_at(NOW)
    assert (origin and origin.to_data()) == expected
    assert again.finished_row((), NOW).reference_origin == origin
    row = Influencer.parse(INFLUENCER | {"referenceOrigin": SOURCES})
    assert again.described(row).reference_origin == origin


def test_a_made_up_person_is_synthetic_by_the_workers_word_whatever_the_row_says() -> None:
    made = create_job(referenceOrigin=SOURCES)
    expected = {"kind": "synthetic", "statedBy": "likeness", "statedAt": "2026-11-29T12:00:00.000Z"}
    assert made.reference_origin_at(NOW).to_data() == expected
    stated = made.finished_row((), NOW).reference_origin
    assert stated
    assert stated.to_data() == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"kind": "real"},
        {"kind": "synthetic", "by": "me"},
        {"kind": "synthetic", "statedBy": ""},
        {"kind": "synthetic", "statedBy": "a\x1b[2J"},
        {"kind": "synthetic", "statedBy": "x" * 257},
        {"kind": "synthetic", "statedAt": "today"},
    ],
)
def test_what_is_no_statement(wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        ReferenceOrigin.parse(wrong)
