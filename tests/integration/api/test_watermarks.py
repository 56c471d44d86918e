"""An image without its metadata, found again over HTTP by what is in its pixels: a real store, Redis, process."""

from collections.abc import Iterator
from typing import Any

import pytest

from models.base import format_time
from tests.support.api.client import Api, message_of
from tests.support.api.media import add
from tests.support.jobs.watermarked import committed, stripped
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.run.imagestore import ImageStore
from worker.run.marking.marker import Marker
from worker.storage import Storage

MB = 1024 * 1024


@pytest.fixture
def marker(settings: Settings) -> Iterator[Marker]:
    marker = Marker(settings)
    marker.start()
    yield marker
    marker.stop()


def watermark_of(api: Api, data: bytes) -> Any:
    asset = add(api, api.project(), data, "image/jpeg").json()["assetId"]
    answer = api.call("GET", f"/v1/files/{asset}/provenance")
    assert answer.status_code == 200, answer.text
    assert answer.json()["verdict"] == "unsigned"
    return answer.json()["watermark"]


def test_a_stripped_image_is_found_by_its_own_organisation_alone(
    api: Api, stranger: Api, store: JobStore, settings: Settings, storage: Storage, marker: Marker
) -> None:
    images = ImageStore(settings, storage)
    job = message_of(store, api.clone(api.source())["jobId"])
    (image,) = committed(images, job, marker).images
    manifest = images.find_manifest(job)
    assert manifest
    assert image.watermark
    data = stripped(storage.get(image.key, max_bytes=MB))

    told = watermark_of(api, data)
    found = {
        "jobId": job.job_id,
        "projectId": job.project_id,
        "influencerId": job.influencer_id,
        "assetId": image.asset_id,
        "shot": image.shot,
        "createdAt": format_time(manifest.created_at),
        "isStored": True,
    }
    assert told == {"found": True, "hidden": image.watermark.to_data(), "images": [found]}

    told = watermark_of(stranger, data)
    assert told == {"found": True, "hidden": image.watermark.to_data(), "images": []}

    assert api.call("DELETE", f"/v1/influencers/{job.influencer_id}").status_code == 200
    (deleted,) = watermark_of(api, data)["images"]
    assert deleted["influencerDeletedAt"]
    images.remove(job)
    assert watermark_of(api, data)["images"] == []
