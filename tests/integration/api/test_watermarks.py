"""An image without its metadata, found again over HTTP by what is in its pixels: a real store, Redis, process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.app import make_app
from api.rows.keys import create_key
from api.settings import ApiSettings
from models.base import format_time
from pipelines.watermark.trustmark import DECODER
from tests.support.api.client import Api, message_of
from tests.support.api.media import add
from tests.support.jobs.watermarked import committed, stripped
from tests.support.weights.tiny_trustmark import write_fetched
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.run.imagestore import ImageStore
from worker.run.marking.marker import Marker
from worker.stack.samples import load_sample
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
    looked_for = ["org.likeness.spread.1"]
    found = {
        "jobId": job.job_id,
        "projectId": job.project_id,
        "influencerId": job.influencer_id,
        "assetId": image.asset_id,
        "shot": image.shot,
        "createdAt": format_time(manifest.created_at),
        "isStored": True,
    }
    hidden = image.watermark.to_data()
    assert told == {"found": True, "lookedFor": looked_for, "hidden": hidden, "images": [found]}

    told = watermark_of(stranger, data)
    assert told == {"found": True, "lookedFor": looked_for, "hidden": hidden, "images": []}

    assert api.call("DELETE", f"/v1/influencers/{job.influencer_id}").status_code == 200
    (deleted,) = watermark_of(api, data)["images"]
    assert deleted["influencerDeletedAt"]
    images.remove(job)
    assert watermark_of(api, data)["images"] == []


def test_a_caller_learns_nothing_of_the_servers_folders(
    settings: Settings, api_settings: ApiSettings, tmp_path: Path
) -> None:
    """The operator's weights are broken: the log has the message for that."""
    (write_fetched(tmp_path) / DECODER).write_bytes(b"other bytes")
    app = make_app(settings.model_copy(update={"weights_dir": tmp_path}), api_settings)
    api = Api(app, create_key(app.state.services.database, "acme").secret)
    told = watermark_of(api, stripped(load_sample("jonas")[1][0]))
    api.services.database.close()
    assert told == {"reason": "This server can't look for watermarks just now.", "lookedFor": []}
