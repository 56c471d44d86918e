"""The second kind of job, and how a message tells which it is."""

import json
from typing import Any

import pytest

from models.errors import InvalidInput
from models.influencer import Influencer
from models.job import CloneJob, CreateJob, parse_job
from models.record import JobRecord
from models.shot import DEFAULT_CREATE_SHOTS
from tests.support.jobs.contract import INFLUENCER, JOB_ENVELOPE, job
from worker.client import plan_create

PERSONA = Influencer.parse(INFLUENCER)
JOB_ID = "job_01JDG3T4Q8J9W2M5X7Y0Z1A2B3"


def test_a_planned_job_round_trips_with_its_fingerprint() -> None:
    planned = plan_create(PERSONA, job_id=JOB_ID)
    for message in (planned.to_json(), planned.to_data(), json.loads(planned.to_json())):
        again = parse_job(message)
        assert again == planned
        assert again.fingerprint == planned.fingerprint
    assert (planned.influencer_id, planned.project_id) == (PERSONA.influencer_id, PERSONA.project_id)
    assert planned.shots == DEFAULT_CREATE_SHOTS
    assert planned.anchor == "front"


def test_a_default_that_is_written_out_is_the_same_content() -> None:
    short = {"jobId": JOB_ID, "kind": "influencer_create", "persona": INFLUENCER}
    planned = plan_create(PERSONA, job_id=JOB_ID)
    assert parse_job(short).fingerprint == planned.fingerprint
    other = plan_create(PERSONA.model_copy(update={"hair_color": "black"}), job_id=JOB_ID)
    assert other.fingerprint != planned.fingerprint


def test_a_message_that_names_no_kind_is_a_clones() -> None:
    message = {name: value for name, value in job().to_data().items() if name != "kind"}
    assert isinstance(parse_job(message), CloneJob)
    assert isinstance(parse_job(json.dumps(message)), CloneJob)
    with pytest.raises(InvalidInput, match="kind"):
        CreateJob.parse({"jobId": JOB_ID, "persona": INFLUENCER})


def test_a_clones_fingerprint_is_what_it_was() -> None:
    # Written out: were it to change, a message that is sent again after an upgrade would conflict with its record.
    # Those that were named by default when it was written.
    turned = ("front", "three-quarter-left", "three-quarter-right", "profile")
    old = (*turned, "smile", "warm-light", "side-light", "outdoor")
    assert job(shots=old).fingerprint == "aeb29f1b68139f2e122294299110849b86e004d7c26191b8f975f9e31c89813b"
    cleared = job(overrides={"hairColor": None}, shots=old)
    assert cleared.fingerprint == "e4110b6bd08de1be584eda01279a864a7e9240ac159f6ebd364611a18e2b8afa"


@pytest.mark.parametrize("kind", ["influencer_delete", "", None, 7, ["influencer_create"], "x" * 1000])
def test_an_unknown_kind_is_refused(kind: Any) -> None:
    with pytest.raises(InvalidInput, match="There is no kind of job") as caught:
        parse_job({"jobId": JOB_ID, "kind": kind, "persona": INFLUENCER})
    assert len(caught.value.message) < 200
    assert caught.value.details["fields"][0]["path"] == "kind"


@pytest.mark.parametrize("message", ["not json", b"\xff", "[]", [], None, 7])
def test_what_is_no_document_is_refused(message: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_job(message)


@pytest.mark.parametrize(
    "wrong", [{"references": []}, {"shots": []}, {"shots": ["front", "front"]}, {"subject": "any"}]
)
def test_it_takes_no_references_and_some_shots(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        parse_job({"jobId": JOB_ID, "kind": "influencer_create", "persona": INFLUENCER} | wrong)


def test_a_record_may_be_of_either_kind() -> None:
    envelope = json.loads(JOB_ENVELOPE)
    rest = {"sequence": 1, "submittedAt": envelope["startedAt"], "updatedAt": envelope["startedAt"]}
    assert JobRecord.parse(envelope | rest | {"kind": "influencer_create"}).kind == "influencer_create"
    del envelope["kind"]
    assert JobRecord.parse(envelope | rest).kind == "influencer_clone"
