"""A picture that its pipeline calls a composite is one everywhere: real services, a real render process."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from c2pa import Reader
from PIL import Image

from models.errors import RenderError
from models.influencer import Appearance
from models.job import CloneJob, CloneRequest, ReferenceSource
from models.manifest import Manifest
from models.record import NOT_CARRIED, JobRecord
from models.shot import shot_named
from models.source_type import SourceType
from tests.support.doubles import composing_child
from tests.support.jobs.stored import SOURCE
from worker.base.pictures import encode
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.client import plan_clone
from worker.mark.inspection import inspect_image
from worker.mark.signer import ImageSigner
from worker.mark.statement import Origin, Picture, statement
from worker.queue.jobs import JobStore
from worker.references.fetch import ReferenceFetcher
from worker.render import RenderOrder, RenderProcess
from worker.run.drain import Drain
from worker.run.held import HeldJob
from worker.run.imagestore import ImageStore
from worker.run.run import run_job
from worker.run.steps import Equipment
from worker.stack.samples import load_sample
from worker.storage import Storage

MB = 1024 * 1024
TERMS = {"front": SourceType.COMPOSITE, "smile": SourceType.GENERATED}


@dataclass
class Done:
    """A job that ended."""

    record: JobRecord
    manifest: Manifest
    events: list[Any]
    storage: Storage

    def pictures(self, shot: str) -> Iterator[tuple[str, bytes]]:
        """A shot's image and thumbnail, with their media types."""
        assert self.record.result
        (image,) = [one for one in self.record.result.images if one.shot == shot]
        yield "image/png", self.storage.get(image.key, max_bytes=MB)
        yield "image/webp", self.storage.get(image.thumbnail_key, max_bytes=MB)


@pytest.fixture
def device(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[RenderProcess]:
    monkeypatch.setattr("worker.render.process.child_main", composing_child.main)
    process = RenderProcess(settings)
    process.start()
    yield process
    process.stop()


def marked(settings: Settings, job: CloneJob) -> bytes:
    """A picture that carries a mark of its own."""
    signer = ImageSigner.from_settings(settings)
    assert signer
    png = encode(Image.linear_gradient("L").convert("RGB"), 64).png
    return signer.sign(png, "image/png", statement(job, Picture("serious", 1), Origin()))


@pytest.fixture
def done(settings: Settings, storage: Storage, device: RenderProcess) -> Done:
    references = [ReferenceSource(asset_id=f"med_{name}") for name in ("carried", "turned", "marked")]
    job = plan_clone(SOURCE, CloneRequest.parse({"name": "Nova B"}), references, list(TERMS))
    _, files = load_sample("maya")
    for reference, data in zip(references, (*files[:2], marked(settings, job)), strict=True):
        key = storage.keys.media_key(job.project_id, reference.asset_id)
        storage.put_image(key, data, "image/png", {})
    store = JobStore(settings)
    lease = store.claim(job, "me").lease
    assert lease
    held = HeldJob(store, lease, Drain(60), time.monotonic() + 60)
    with ThreadPoolExecutor(4) as pool:
        fetcher = ReferenceFetcher(settings, storage, pool)
        equipment = Equipment(device, ImageStore(settings, storage), fetcher, pool, pool)
        held.complete(run_job(job, held, equipment, None))
    record = store.get(job.job_id)
    assert record.result
    manifest = Manifest.parse(storage.get(record.result.manifest_key, max_bytes=MB))
    return Done(record, manifest, list(store.events(job.job_id)), storage)


def test_each_picture_says_what_it_is_in_its_signature_and_its_xmp(done: Done) -> None:
    for shot, term in TERMS.items():
        for media_type, data in done.pictures(shot):
            # C2PA's own reader, as anybody has it.
            with Reader(media_type, BytesIO(data)) as reader:
                assert reader.get_validation_state() == "Valid"
                report = json.loads(reader.json())
            said = report["manifests"][report["active_manifest"]]
            (actions,) = [
                one["data"]["actions"] for one in said["assertions"] if one["label"] == "c2pa.actions.v2"
            ]
            assert [one["digitalSourceType"] for one in actions if one["action"] == "c2pa.created"] == [term]
            with Image.open(BytesIO(data)) as image:
                xmp = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
            assert f'DigitalSourceType="{term}"'.encode() in xmp
            found = inspect_image(data)
            assert found.source_types_agree
            assert found.source_type == found.xmp_source_type == term


def test_ingredients_are_parts_of_a_composite_alone_and_only_if_they_were_carried(done: Done) -> None:
    related = {}
    for shot in TERMS:
        for media_type, data in done.pictures(shot):
            found = inspect_image(data)
            # A thumbnail's image carries the marks.
            has_mark = [one.has_mark for one in found.ingredients if one.title == "med_marked"]
            assert has_mark == [media_type == "image/png"]
            related[shot] = {one.title: one.relationship for one in found.ingredients}
    names = ("med_carried", "med_turned", "med_marked")
    assert related == {
        "front": dict(zip(names, ("componentOf", "inputTo", "componentOf"), strict=True)),
        "smile": dict.fromkeys(names, "inputTo"),
    }


def test_manifest_record_and_events_say_it_for_each_image_and_for_the_set(done: Done) -> None:
    assert done.record.result
    for images in (done.record.result.images, done.manifest.images):
        assert {image.shot: image.digital_source_type for image in images} == TERMS
    assert done.record.result.digital_source_type == done.manifest.digital_source_type == SourceType.COMPOSITE
    stored = [event.image for event in done.events if event.type == "job.image_stored"]
    assert {image.shot: image.digital_source_type for image in stored} == TERMS


def test_the_reference_of_which_nothing_was_carried_is_named_with_the_reason(done: Done) -> None:
    (note,) = done.record.reference_notes
    assert (note.index, note.asset_id, note.code) == (composing_child.NOTED, "med_turned", NOT_CARRIED)
    assert note.message == composing_child.WHY
    assert done.manifest.reference_notes == (note,)
    assert [event.noted for event in done.events if event.type == "job.reference_noted"] == [note]


def test_a_note_about_a_reference_that_was_never_given_fails_the_order(device: RenderProcess) -> None:
    shots = ((shot_named("front"), composing_child.OUTSIDE_SEED),)
    order = RenderOrder((RawImage(1, 1, b"abc"),), Appearance(), shots)
    with pytest.raises(RenderError, match="reference 1 of 1"), device.turn(lambda: None):
        list(device.render(order, lambda: None))
