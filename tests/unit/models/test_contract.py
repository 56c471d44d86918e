"""The documents' own examples, word for word, and what the contract says around them."""

import json
from datetime import UTC, datetime

import pytest

from models.base import format_time
from models.errors import InvalidInput
from models.influencer import CloneOverrides, Influencer, Personality
from models.job import CloneJob, CloneRequest
from models.record import JobRecord
from models.shot import DEFAULT_SHOTS
from tests.support.jobs.contract import INFLUENCER, JOB_ENVELOPE, job

CLONE_REQUEST = """
{ "name": "Nova (B variant)",
  "newInfluencerId": "inf_01HX9Y6K7EJ4T2NOVAB",
  "overrides": { "personality": { "humorStyle": "dry-witty" } } }
"""


def test_the_clone_example_runs_as_printed() -> None:
    request = CloneRequest.parse(CLONE_REQUEST)
    assert request.new_influencer_id == "inf_01HX9Y6K7EJ4T2NOVAB"
    assert request.overrides.personality == Personality(humor="dry-witty")
    clone = request.overrides.apply_to(Influencer.parse(INFLUENCER))
    assert clone.personality.humor == "dry-witty"
    assert clone.personality.tone == "upbeat", "the personality is merged key by key"


def test_humor_and_humor_style_are_the_same_field() -> None:
    dry = Personality.parse({"humor": "dry"})
    assert Personality.parse({"humorStyle": "dry"}) == dry
    assert Personality.parse({"humor": "dry", "humorStyle": "dry"}) == dry
    with pytest.raises(InvalidInput, match="give one of them"):
        Personality.parse({"humor": "dry", "humorStyle": "broad"})


def test_the_influencer_round_trips() -> None:
    influencer = Influencer.parse(INFLUENCER)
    assert influencer.to_data() == {k: v for k, v in INFLUENCER.items() if v is not None}
    assert Influencer.parse(influencer.to_json()) == influencer


def test_the_job_envelope_example_is_a_subset_of_the_record() -> None:
    example = json.loads(JOB_ENVELOPE)
    record = JobRecord.parse(
        example | {"sequence": 7, "submittedAt": example["startedAt"], "updatedAt": example["startedAt"]}
    )
    assert record.to_data().items() >= example.items()
    assert record.etag == '"7"'
    assert not record.is_final


def test_the_message_round_trips_with_its_fingerprint() -> None:
    message = job(overrides={"hairColor": None, "personality": {"humorStyle": "dry-witty"}})
    again = CloneJob.parse(message.to_json())
    assert again == message
    assert again.fingerprint == message.fingerprint
    assert job(name="Other").fingerprint != job().fingerprint


def test_overrides_replace_clear_and_keep() -> None:
    source = Influencer.parse(INFLUENCER)
    clone = CloneOverrides.parse({"hairColor": None, "gender": "nonbinary"}).apply_to(source)
    assert (clone.hair_color, clone.gender, clone.age_range) == (None, "nonbinary", "25-34")


def test_a_cleared_override_survives_the_queue() -> None:
    message = CloneJob.parse(job(overrides={"hairColor": None}).to_json())
    assert message.finished_row((), datetime.now(UTC)).hair_color is None


def test_the_finished_row_is_the_source_with_overrides_and_new_images() -> None:
    source = Influencer.parse(INFLUENCER)
    row = job(overrides={"vibe": "sporty"}).finished_row(source.reference_images, source.created_at)
    assert row.influencer_id == "inf_01HX9Y6K7EJ4T2NOVAB"
    assert (row.name, row.vibe, row.status) == ("Nova (B variant)", "sporty", "ready")
    assert row.project_id == source.project_id
    assert row.thumbnail_url == "https://cdn.example.com/a.webp"


def test_appearance_is_all_that_a_render_gets_to_see() -> None:
    source = Influencer.parse(INFLUENCER)
    other = job(overrides={"personality": {"tone": "dark"}}).overrides.apply_to(source)
    assert other != source
    assert other.appearance == source.appearance
    assert job(overrides={"hairColor": "black"}).overrides.apply_to(source).appearance != source.appearance


@pytest.mark.parametrize("field", ["name", "influencerId", "projectId", "referenceImages", "status"])
def test_what_can_not_be_overridden(field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        job(overrides={field: "x"})
    assert caught.value.details["fields"][0]["path"] == f"overrides.{field}"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"unknown": 1}, "unknown"),
        ({"jobId": "job_../../etc"}, "jobId"),
        ({"jobId": "job_a/b"}, "jobId"),
        ({"jobId": "inf_1"}, "jobId"),
        ({"kind": "other"}, "kind"),
        ({"name": ""}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"references": []}, "references"),
        ({"references": [{"assetId": "med_1"}] * 21}, "references"),
        ({"references": [{"assetId": "med_1", "url": "https://a", "key": "b"}]}, "references.0"),
        ({"shots": []}, "shots"),
        ({"shots": ["nope"]}, "shots"),
        ({"shots": ["front", "front"]}, "shots"),
        ({"influencerId": INFLUENCER["influencerId"]}, "(document)"),
        ({"source": INFLUENCER | {"gender": "robot"}}, "source.gender"),
        ({"source": INFLUENCER | {"personality": {"mood": "x"}}}, "source.personality.mood"),
        ({"source": INFLUENCER | {"createdAt": "2026-01-02T03:04:05"}}, "source.createdAt"),
    ],
)
def test_a_message_that_breaks_the_contract_names_the_path(changes: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        job(**changes)
    assert path in [field["path"] for field in caught.value.details["fields"]]
    assert caught.value.code == "VALIDATION"


def test_times_are_utc_with_milliseconds_and_z() -> None:
    influencer = Influencer.parse(INFLUENCER | {"createdAt": "2026-01-02T05:04:05.678912+02:00"})
    assert influencer.to_data()["createdAt"] == "2026-01-02T03:04:05.678Z"
    assert format_time(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000Z"


@pytest.mark.parametrize(
    "time", [1700000000, "1700000000", "2026-01-02 03:04:05Z", "2026-01-02", "yesterday"]
)
def test_what_is_no_rfc_3339_time(time: object) -> None:
    with pytest.raises(InvalidInput, match=r"createdAt: .*RFC 3339"):
        Influencer.parse(INFLUENCER | {"createdAt": time})


def test_only_the_contracts_spelling_is_read() -> None:
    with pytest.raises(InvalidInput, match="new_influencer_id"):
        CloneRequest.parse({"name": "x", "new_influencer_id": "inf_1"})


def test_a_default_that_is_written_out_is_the_same_content() -> None:
    plain, written = job(), job(kind="influencer_clone", shots=list(DEFAULT_SHOTS))
    assert plain.fingerprint == written.fingerprint
    assert plain.fingerprint != job(overrides={"hairColor": None}).fingerprint


def test_a_refusal_is_short_however_much_is_wrong() -> None:
    with pytest.raises(InvalidInput) as caught:
        CloneRequest.parse({"x" * 100_000: 1} | {f"field{n}": 1 for n in range(1000)})
    assert len(caught.value.message) < 2000
    assert len(json.dumps(caught.value.details)) < 10_000


def test_a_refusal_repeats_no_value() -> None:
    with pytest.raises(InvalidInput) as caught:
        job(name=["secret-token"])
    assert "secret-token" not in caught.value.message + json.dumps(caught.value.details)
