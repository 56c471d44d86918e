"""Jobs that are refused by rule, by a bare message: nothing is fetched, rendered or stored."""

from typing import Any

import pytest

from models.errors import ContentRefused
from models.job import CREATE, CloneJob, parse_job
from models.manifest import Manifest
from models.rules import Rules
from tests.support.jobs.gated import MB, Device, Judge, Place, make_job
from tests.support.jobs.node import DoubleNode
from tests.support.jobs.stored import SOURCE
from worker.base.settings import Settings
from worker.mark.inspection import inspect_image
from worker.node.consuming.messages import handle
from worker.queue.jobs import JobStore
from worker.queue.jobs.dead import DeadLetters
from worker.queue.jobs.deliveries import Deliveries
from worker.run.run import run_job
from worker.run.steps import Equipment
from worker.storage import Storage

MINOR, UNREADABLE = "8-10", "eight to ten"
PERSONA = SOURCE.to_data()


def clone_message(**changes: Any) -> dict[str, Any]:
    return make_job("front").to_data() | {"callbackUrl": "https://hooks.example/a"} | changes


def create_message(age_range: str) -> dict[str, Any]:
    persona = PERSONA | {"ageRange": age_range}
    return {"kind": CREATE, "jobId": "job_made-up", "persona": persona, "shots": ["front"]}


class Untouchable:
    """A device and a fetcher that no refused job may use."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used")


class RulesNode(DoubleNode):
    """A node whose attempts are real, up to the references and the device."""

    def __init__(self, settings: Settings, storage: Storage, rules: Rules) -> None:
        super().__init__(settings, storage)
        nothing: Any = Untouchable()
        equipment = Equipment(nothing, self.images, nothing, nothing, nothing, None, rules)
        self.attempt = lambda job, held: run_job(job, held, equipment, None)


@pytest.fixture
def dead(settings: Settings) -> DeadLetters:
    return DeadLetters(settings)


@pytest.mark.parametrize(
    "message",
    [
        clone_message(overrides={"ageRange": MINOR}),
        clone_message(overrides={"ageRange": UNREADABLE}),
        clone_message(source=PERSONA | {"ageRange": MINOR}),
        clone_message(source=PERSONA | {"ageRange": MINOR}, overrides={"ageRange": "25-34"}),
        clone_message(source=PERSONA | {"ageRange": MINOR}, overrides={"ageRange": None}),
        create_message(MINOR),
        create_message(UNREADABLE),
    ],
)
def test_a_bare_message_is_refused_before_anything_is_touched(
    message: dict[str, Any], settings: Settings, storage: Storage, dead: DeadLetters
) -> None:
    node: Any = RulesNode(settings, storage, Rules())
    job = parse_job(message)
    handle(node, message)
    record = node.store.get(job.job_id)
    assert record.error
    assert (record.status, record.error.code, record.error.retryable) == ("failed", "CONTENT_REFUSED", False)
    assert "ageRange" in record.error.message
    assert MINOR not in record.error.message
    assert record.attempts == 1
    assert list(storage.list(storage.keys.job_prefix(job))) == []
    assert dead.letters() == []


def test_a_refused_job_has_its_webhook_like_any_that_failed(settings: Settings, storage: Storage) -> None:
    node: Any = RulesNode(settings, storage, Rules())
    message = clone_message(overrides={"ageRange": MINOR})
    handle(node, message)
    (delivery,) = Deliveries(settings).deliveries()
    assert (delivery.job_id, delivery.type) == (message["jobId"], "job.failed")


def test_where_no_text_is_read_an_unreadable_age_is_rendered_and_a_childs_is_not(
    settings: Settings, storage: Storage
) -> None:
    place, blind = Place(settings, storage), Rules(reads_text=False)
    device = Device()
    readable_by_nobody = CloneJob.parse(clone_message(overrides={"ageRange": "middle aged"}))
    place.run(Judge(readable_by_nobody), device, rules=blind)
    assert device.orders
    with pytest.raises(ContentRefused) as caught:
        place.run(Judge(CloneJob.parse(clone_message(overrides={"ageRange": MINOR}))), Device(), rules=blind)
    assert caught.value.details["rule"] == "age-under-18"


def test_what_was_committed_before_there_was_the_rule_stays(settings: Settings, storage: Storage) -> None:
    """Redis lost the record, and the message comes again: the images are published."""
    place = Place(settings, storage)
    job = CloneJob.parse(clone_message(overrides={"ageRange": "middle aged"}))
    first = place.run(Judge(job), rules=Rules(reads_text=False))
    JobStore(settings)._redis.flushall()
    node: Any = RulesNode(settings, storage, Rules())
    handle(node, job.to_data())
    record = node.store.get(job.job_id)
    assert record.status == "completed"
    assert [image.sha256 for image in record.result.images] == [image.sha256 for image in first.images]
    assert place.stored(job) == {"front.png", "thumbs/front.webp", "manifest.json"}


STATED = {"kind": "consented", "statedBy": "Acme", "statedAt": "2026-11-01T00:00:00.000Z"}


def test_where_jobs_must_state_whose_face_it_is_another_one_is_refused(
    settings: Settings, storage: Storage, dead: DeadLetters
) -> None:
    node: Any = RulesNode(settings, storage, Rules(references="stated"))
    message = clone_message(source=PERSONA | {"referenceOrigin": STATED}, overrides={"referenceOrigin": None})
    for refused in (clone_message(), message):
        handle(node, refused)
        record = node.store.get(refused["jobId"])
        assert (record.error.code, record.error.details["rule"]) == ("CONTENT_REFUSED", "origin-not-stated")
    assert dead.letters() == []


def test_whose_face_it_is_comes_with_the_manifest_and_with_every_picture(
    settings: Settings, storage: Storage
) -> None:
    place = Place(settings, storage)
    job = CloneJob.parse(clone_message(source=PERSONA | {"referenceOrigin": STATED}))
    result = place.run(Judge(job), rules=Rules(references="stated"))
    manifest = Manifest.parse(storage.get(result.manifest_key, max_bytes=MB))
    assert manifest.reference_origin
    assert manifest.reference_origin.to_data() == STATED
    assert result.influencer.reference_origin == manifest.reference_origin
    for key in (result.images[0].key, result.images[0].thumbnail_key):
        found = inspect_image(storage.get(key, max_bytes=MB))
        assert found.verdict == "valid"
        assert found.render
        assert found.render["referenceOrigin"] == STATED


def test_nothing_stated_is_nothing_said(settings: Settings, storage: Storage) -> None:
    result = Place(settings, storage).run(Judge(CloneJob.parse(clone_message())))
    assert "referenceOrigin" not in storage.get(result.manifest_key, max_bytes=MB).decode()
    found = inspect_image(storage.get(result.images[0].key, max_bytes=MB))
    assert found.render
    assert "referenceOrigin" not in found.render
