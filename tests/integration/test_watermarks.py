"""The watermark on its way into the store, and back from pixels to the record: a real process, Redis and S3."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c2pa import Reader
from PIL import Image

from models.derived import asset_id_of
from models.errors import (
    RenderProcessDied,
    WatermarkModelMissing,
    WatermarkProcessDied,
    WatermarkProcessHung,
)
from models.inspection import Inspection
from models.job import CloneJob
from models.record import StoredImage
from models.safety import SafetyReading
from models.watermark import HiddenNumber, WatermarkInfo, WatermarkOptions
from pipelines.watermark.loading import load_watermark
from pipelines.watermark.trustmark import DECODER
from tests.support.jobs.gated import Device, Judge, Place, judgement
from tests.support.jobs.gated import make_job as make_gated
from tests.support.jobs.stored import make_job
from tests.support.jobs.watermarked import committed, made, portrait, stripped
from tests.support.weights.tiny_trustmark import write_fetched
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.inspection.inspect import with_watermark
from worker.inspection.watermark_apart import find_watermark
from worker.mark.inspection import inspect_image
from worker.render.messages import ImageDone
from worker.run.imagestore import ImageStore
from worker.run.marking.key import WatermarkKey
from worker.run.marking.marker import Marker
from worker.stack.samples import load_sample
from worker.storage import Storage
from worker.storage.watermarks import WatermarkIndex
from worker.verify import ImageJudged, JudgeImage

MB = 1024 * 1024
READING = SafetyReading(nudity="none", score=0.99)


def hidden_in(data: bytes) -> HiddenNumber | None:
    """The number in a picture's pixels, as the watermark itself reads it."""
    watermark = load_watermark(WatermarkOptions())
    with Image.open(BytesIO(data)) as image:
        number = watermark.find(np.asarray(image.convert("RGB")))
    info = WatermarkInfo(algorithm=watermark.algorithm, bits=watermark.bits)
    return None if number is None else HiddenNumber.of(info, number)


@pytest.fixture
def marker(settings: Settings) -> Iterator[Marker]:
    marker = Marker(settings)
    marker.start()
    yield marker
    marker.stop()


@pytest.fixture
def images(settings: Settings, storage: Storage) -> ImageStore:
    return ImageStore(settings, storage)


def put(images: ImageStore, job: CloneJob, marker: Marker) -> StoredImage:
    return images.put(job, made(job, marker), confirm=lambda: None)


def test_an_image_its_thumbnail_and_its_evidence_have_one_number(
    storage: Storage, images: ImageStore, marker: Marker
) -> None:
    job = make_job()
    one, other = (replace(made(job, marker, number), safety=READING) for number in (0, 1))
    image = images.put(job, one, confirm=lambda: None)
    evidence = images.put_evidence(job, other, confirm=lambda: None)
    assert image.watermark
    for key, media_type in (
        (image.key, "image/png"),
        (image.thumbnail_key, "image/webp"),
        (evidence.key, "image/png"),
    ):
        data = storage.get(key, max_bytes=MB)
        assert hidden_in(stripped(data)) == image.watermark
        said = inspect_image(data)
        assert said.verdict == "valid"
        assert said.signed_watermark == image.watermark
        assert said.render
        assert said.render["safety"] == READING.to_data()
        with Reader(media_type, BytesIO(data)) as reader:
            assert reader.get_validation_state() == "Valid"
            manifest: Any = reader.get_active_manifest()
        found = {one["label"]: one["data"] for one in manifest["assertions"]}
        assert found["c2pa.soft-binding"] == {
            "alg": image.watermark.algorithm,
            "blocks": [{"scope": {}, "value": image.watermark.number}],
        }
        actions = [one["action"] for one in found["c2pa.actions.v2"]["actions"]]
        assert actions == ["c2pa.created", "c2pa.watermarked.bound"]


def test_the_signature_covers_the_marked_pixels(storage: Storage, images: ImageStore, marker: Marker) -> None:
    data = storage.get(put(images, make_job(), marker).key, max_bytes=MB)
    at = data.rindex(b"IDAT") + 40
    flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    assert inspect_image(flipped).verdict == "content_changed"
    pixels = BytesIO()
    with Image.open(BytesIO(data)) as image:
        changed = image.convert("RGB")
        changed.putpixel((3, 3), (255, 0, 255))
        changed.save(pixels, "PNG")
    assert inspect_image(pixels.getvalue()).verdict == "unsigned"
    assert hidden_in(pixels.getvalue()) == hidden_in(data) is not None


class Portraits(Device):
    def render(self, order: Any, check: Any) -> Iterator[Any]:
        for done in super().render(order, check):
            yield replace(done, image=portrait()) if isinstance(done, ImageDone) else done


class TakesAll(Judge):
    def judge(self, request: JudgeImage, go_on: Any) -> ImageJudged:
        self.asked.append(request)
        return ImageJudged(b"", judgement([], 0.9))


@pytest.mark.parametrize("gate", ["required", "off"])
def test_another_attempt_gives_the_same_numbers(
    gate: str, settings: Settings, storage: Storage, marker: Marker
) -> None:
    place, job = Place(settings, storage), make_gated("front", "smile")
    other, judge = Marker(settings), TakesAll(job)
    other.start()
    try:
        with pytest.raises(RenderProcessDied):
            place.run(judge, Portraits(lives=1), gate=gate, marker=marker)
        assert place.stored(job) == {"front.png", "thumbs/front.webp"}
        marks = [marker.mark(asset_id_of(job.job_id, shot), portrait()) for shot in job.shots]
        device = Portraits()
        result = place.run(judge, device, gate=gate, marker=other)
    finally:
        other.stop()
    assert [list(order) for order in device.orders] == [["smile"]], "the first is taken up"
    numbers = [one.hidden for one in marks if one]
    assert [image.watermark for image in result.images] == numbers
    assert len(set(numbers)) == 2
    stored = storage.get(result.images[0].key, max_bytes=MB)
    for asked in judge.asked:
        assert asked.image.data != portrait().data
    if gate == "required":
        with Image.open(BytesIO(stored)) as image:
            assert judge.asked[0].image.data == image.convert("RGB").tobytes(), (
                "the gate judges what is stored"
            )


@pytest.mark.parametrize("signing", ["required", "off"])
def test_an_image_that_was_stored_without_a_watermark_is_rendered_again(
    signing: Any, settings: Settings, storage: Storage, marker: Marker
) -> None:
    place = Place(settings.model_copy(update={"signing": signing}), storage)
    job = make_gated("front", "smile")
    with pytest.raises(RenderProcessDied):
        place.run(TakesAll(job), Portraits(lives=1))
    with pytest.raises(RenderProcessDied):
        place.run(TakesAll(job), Portraits(lives=1), marker=marker)
    device = Portraits()
    result = place.run(TakesAll(job), device, marker=marker)
    assert [list(order) for order in device.orders] == [["smile"]]
    assert all(image.watermark for image in result.images)


def test_a_number_can_not_be_told_without_the_key(
    settings: Settings, redis_client: Any, marker: Marker
) -> None:
    one = marker.mark("med_1", portrait())
    redis_client.set(f"{settings.redis_prefix}:watermark-key", "ab" * 32)
    assert WatermarkKey(settings).read() == bytes.fromhex("ab" * 32)
    other = Marker(settings)
    other.start()
    try:
        assert one
        assert other.mark("med_1", portrait()) != one
    finally:
        other.stop()


def test_a_stripped_image_leads_to_its_record(
    settings: Settings, storage: Storage, images: ImageStore, marker: Marker
) -> None:
    job = make_job()
    (image,) = committed(images, job, marker).images
    manifest = images.find_manifest(job)
    assert manifest
    assert manifest.images == (image,)
    data = stripped(storage.get(image.key, max_bytes=MB))
    index = WatermarkIndex(storage)
    told = with_watermark(inspect_image(data), data, settings, index.find).watermark
    assert told
    assert told.images
    (found,) = told.images
    assert (found.job_id, found.asset_id, found.shot) == (job.job_id, image.asset_id, "front")
    assert (found.influencer_id, found.created_at) == (job.influencer_id, manifest.created_at)
    assert found.is_stored

    storage.delete(image.key)
    assert image.watermark
    (gone,) = index.find(image.watermark)
    assert not gone.is_stored, "its object expired"
    images.remove(job)
    assert index.find(image.watermark) == (), "an entry without a manifest leads nowhere"


def test_numbers_that_collide_lead_to_all_images(
    storage: Storage, images: ImageStore, marker: Marker
) -> None:
    one, other = make_job(), make_job()
    (image,) = committed(images, one, marker).images
    committed(images, other, marker)
    manifest = images.find_manifest(other)
    assert manifest
    collided = manifest.images[0].model_copy(update={"watermark": image.watermark})
    changed = manifest.model_copy(update={"images": (collided,)})
    images.put_manifest(other, changed, confirm=lambda: None)
    assert image.watermark
    found = WatermarkIndex(storage).find(image.watermark)
    assert {each.job_id for each in found} == {one.job_id, other.job_id}


def test_an_unmarked_picture_has_no_number(settings: Settings) -> None:
    found = find_watermark(stripped(load_sample("jonas")[1][0]), settings)
    assert (found.found, found.hidden, found.images) == (False, None, None)
    assert found.looked_for == ("org.likeness.spread.1",)


def test_where_one_watermark_can_not_be_read_the_other_is_still_found(
    settings: Settings, storage: Storage, images: ImageStore, marker: Marker, tmp_path: Path
) -> None:
    image = put(images, make_job(), marker)
    (write_fetched(tmp_path) / DECODER).write_bytes(b"other bytes")
    broken = settings.model_copy(update={"weights_dir": tmp_path})
    found = find_watermark(stripped(storage.get(image.key, max_bytes=MB)), broken)
    assert (found.found, found.hidden) == (True, image.watermark)
    # It could have the other one.
    with pytest.raises(WatermarkModelMissing, match="the lock says"):
        find_watermark(stripped(load_sample("jonas")[1][0]), broken)


def test_a_signed_watermark_that_nobody_could_look_for_is_not_called_missing(settings: Settings) -> None:
    data = stripped(load_sample("jonas")[1][0])
    for algorithm, expected in (("com.adobe.trustmark.Q", None), ("org.likeness.spread.1", False)):
        signed = HiddenNumber(algorithm=algorithm, number="00ff")
        stated = Inspection(verdict="valid", signed_watermark=signed)
        told = with_watermark(stated, data, settings, lambda _: ()).watermark
        assert told
        assert told.found is expected
        assert (algorithm in (told.reason or "")) is (expected is None)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"no picture", "picture"), (b"RIFF\0\0\0\0WEBPVP8L", "picture")],
    ids=["text", "broken"],
)
def test_what_can_not_be_decoded_can_not_be_looked_through(
    data: bytes, reason: str, settings: Settings
) -> None:
    found = find_watermark(data, settings)
    assert found.found is None
    assert found.reason
    assert reason in found.reason


def test_looking_takes_no_longer_than_it_may(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.inspection.watermark_apart._TIMEOUT", 0.01)
    told = with_watermark(Inspection(verdict="unsigned"), b"x", settings, lambda _: ())
    assert told.watermark
    assert told.watermark.found is None
    assert "within 0.01 s" in (told.watermark.reason or "")


def test_the_process_has_no_threads_that_spin(marker: Marker) -> None:
    """Other cores have other work: a device's, and other workers'."""
    assert marker.mark("med_1", portrait())
    # Its own, and the one that ends it with its parent.
    assert len(list(Path(f"/proc/{marker.pid}/task").iterdir())) == 2


def test_a_process_that_dies_or_hangs_costs_an_image_and_is_replaced(settings: Settings) -> None:
    marker = Marker(settings.model_copy(update={"watermark_timeout": 3.0}))
    marker.start()
    try:
        # The smaller one fits into the pipe, so that sending it ends.
        for image, ending, error in (
            (portrait(), signal.SIGKILL, WatermarkProcessDied),
            (RawImage(8, 8, bytes(192)), signal.SIGSTOP, WatermarkProcessHung),
        ):
            pid = marker.pid
            assert pid
            os.kill(pid, signal.SIGSTOP)
            with ThreadPoolExecutor(1) as pool:
                marking = pool.submit(marker.mark, "med_1", image)
                time.sleep(0.5)
                os.kill(pid, ending)
                with pytest.raises(error):
                    marking.result()
            assert marker.mark("med_1", portrait())
            assert marker.pid != pid
    finally:
        marker.stop()
