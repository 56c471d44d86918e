"""The mark on its way into the store: what an earlier attempt signed stays as it is."""

from io import BytesIO

import pytest
from c2pa import Reader
from PIL import Image

from models.derived import seed_of
from models.job import CloneJob
from models.record import StoredImage
from tests.support.jobs.stored import make_job
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.mark.inspection import inspect_image
from worker.mark.statement import Origin
from worker.render.messages import ImageDone
from worker.run.imagestore import ImageStore
from worker.run.shots import Made
from worker.storage import Storage

MB = 1024 * 1024


@pytest.fixture
def job() -> CloneJob:
    return make_job()


def put(settings: Settings, storage: Storage, job: CloneJob) -> StoredImage:
    done = ImageDone(
        "front", seed_of(job.job_id, "front"), RawImage.of(Image.linear_gradient("L").convert("RGB"))
    )
    return ImageStore(settings, storage).put(job, Made(done, Origin()), confirm=lambda: None)


def instance_ids(storage: Storage, image: StoredImage) -> list[str]:
    ids = []
    for key, media_type in ((image.key, "image/png"), (image.thumbnail_key, "image/webp")):
        with Reader(media_type, BytesIO(storage.get(key, max_bytes=MB))) as reader:
            assert reader.get_validation_state() == "Valid"
            manifest = reader.get_active_manifest()
            assert manifest
            ids.append(manifest["instance_id"])
    return ids


def test_a_second_attempt_finds_the_image_and_does_not_sign_it_again(
    settings: Settings, storage: Storage, job: CloneJob
) -> None:
    first = put(settings, storage, job)
    before = storage.get(first.key, max_bytes=MB)
    again = ImageStore(settings, storage).find(job, "front")
    assert again
    assert (again.stored.sha256, again.stored.thumbnail_sha256) == (first.sha256, first.thumbnail_sha256)
    assert storage.get(first.key, max_bytes=MB) == before


def test_an_image_that_is_made_twice_is_the_same_image(
    settings: Settings, storage: Storage, job: CloneJob
) -> None:
    first = put(settings, storage, job)
    ids = instance_ids(storage, first)
    second = put(settings, storage, job)
    assert (second.asset_id, second.key) == (first.asset_id, first.key)
    assert instance_ids(storage, second) == ids
    assert len(set(ids)) == 2, "a thumbnail is another image"
    assert second.sha256 != first.sha256, "a signature is new each time, so hashes are taken after it"


def test_an_image_that_was_stored_unsigned_is_not_taken_for_stored(
    settings: Settings, storage: Storage, job: CloneJob
) -> None:
    off = settings.model_copy(update={"signing": "off"})
    image = put(off, storage, job)
    found = inspect_image(storage.get(image.key, max_bytes=MB))
    assert found.verdict == "unsigned"
    assert found.xmp_source_type
    assert ImageStore(off, storage).find(job, "front")
    assert ImageStore(settings, storage).find(job, "front") is None
