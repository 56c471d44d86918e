"""`DELETE /v1/influencers/{influencerId}?images=true`: afterwards, no URL leads to the influencer's images."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx2
import pytest
from sqlalchemy import select

from api.calls.influencers.erasing import sweep_images
from api.library import MediaLibrary
from api.rows.tables import AssetRow
from models.errors import StorageError
from models.job import Job
from models.manifest import Manifest
from models.record import JobResult, StoredImage
from models.watermark import HiddenNumber
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, message_of, result_of
from tests.support.api.media import add, picture
from worker.queue.jobs import JobStore
from worker.storage import Storage
from worker.storage.watermarks import WatermarkIndex

PNG = b"\x89PNG\r\n\x1a\n"


def _manifest(job: Job, images: tuple[StoredImage, ...]) -> Manifest:
    return Manifest(
        job_id=job.job_id,
        influencer_id=job.influencer_id,
        project_id=job.project_id,
        created_at=datetime.now(UTC),
        images=images,
    )


@dataclass
class Place:
    """The API and its store; `sweep` is what a process does every few seconds."""

    api: Api
    store: JobStore
    storage: Storage

    def sweep(self) -> None:
        sweep_images(self.api.services.database, self.api.services.library)

    def persona(self) -> tuple[str, str, str]:
        """One with an uploaded image: its project, its id, and the image's asset."""
        project = self.api.project()
        asset = add(self.api, project, picture()).json()["assetId"]
        return project, self.api.influencer(project, referenceImages={"assetIds": [asset]}), asset

    def cloned(self, source: str) -> tuple[str, Job]:
        """A clone with images in the store, and with evidence. Returns its id and its job."""
        started = self.api.clone(source, shots=["front", "smile"])
        job = message_of(self.store, started["jobId"])
        keys = self.storage.keys
        result = result_of(job)
        images = tuple(
            image.model_copy(
                update={
                    "key": keys.image_key(job, image.shot),
                    "thumbnail_key": keys.thumbnail_key(job, image.shot),
                    "url": self.storage.url(keys.image_key(job, image.shot)),
                    "watermark": HiddenNumber(algorithm="org.example.mark", number=f"{number:x}"),
                }
            )
            for number, image in enumerate(result.images)
        )
        for image in images:
            self.storage.put_image(image.key, PNG, "image/png")
            self.storage.put_image(image.thumbnail_key, PNG, "image/webp")
        self.storage.put_image(keys.evidence_key(job, "profile"), PNG, "image/png")
        WatermarkIndex(self.storage).add(job, images)
        self.storage.put_json(keys.manifest_key(job), _manifest(job, images).to_json())
        self.end(job, result.model_copy(update={"images": images}))
        return started["influencerId"], job

    def end(self, job: Job, result: JobResult) -> None:
        self.store.complete(begin(self.store, job), result)
        self.api.services.landing.land(self.store.get(job.job_id))

    def erase(self, influencer_id: str) -> str:
        answer = self.api.call("DELETE", f"/v1/influencers/{influencer_id}?images=true")
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "deleted"
        return str(answer.json()["images"])

    def numbers(self) -> int:
        """How many entries the index of watermarks has."""
        return sum(1 for _ in self.storage.list(self.storage.keys.watermarks.removesuffix("/")))

    def left(self, job: Job) -> set[str]:
        prefix = self.storage.keys.job_prefix(job)
        return {one.key.removeprefix(f"{prefix}/") for one in self.storage.list(prefix)}


@pytest.fixture
def place(api: Api, store: JobStore, storage: Storage) -> Place:
    return Place(api, store, storage)


def status_of(url: str) -> int:
    return httpx2.get(url).status_code


def test_every_url_of_a_clone_dies_and_its_source_keeps_its_own(place: Place) -> None:
    _, source, uploaded = place.persona()
    clone, job = place.cloned(source)
    urls = [image["url"] for image in place.api.row(clone)["referenceImages"]]
    own = place.api.row(source)["referenceImages"][0]["url"]
    assets = [image["assetId"] for image in place.api.row(clone)["referenceImages"]]
    assert [status_of(url) for url in (*urls, own)] == [200, 200, 200]
    assert len(place.left(job)) == 6
    assert place.numbers() == 2

    assert place.erase(clone) == "deleting"
    place.sweep()
    assert [status_of(url) for url in (*urls, own)] == [404, 404, 200]
    assert place.left(job) == set()
    assert place.numbers() == 0, "a watermark leads nowhere any more"
    for asset in assets:
        error_of(place.api.call("GET", f"/v1/files/{asset}"), 404, "NOT_FOUND")
    assert place.api.call("GET", f"/v1/media/{uploaded}").status_code == 200
    # Again, by anyone who wants to know; and once more by the sweep, which finds nothing to do.
    assert place.erase(clone) == "deleted"
    place.sweep()
    assert place.api.call("GET", f"/v1/jobs/{job.job_id}").json()["status"] == "completed", "history stays"


def test_an_uploaded_image_goes_and_one_that_another_persona_has_stays(place: Place) -> None:
    project, source, uploaded = place.persona()
    clone, job = place.cloned(source)
    shared = place.api.row(clone)["referenceImages"][0]
    heir = place.api.influencer(project, referenceImages={"assetIds": [uploaded, shared["assetId"]]})
    for one in (source, clone):
        place.erase(one)
    place.sweep()
    images = place.api.row(heir)["referenceImages"]
    assert [image["assetId"] for image in images] == [uploaded, shared["assetId"]]
    assert [status_of(image["url"]) for image in images] == [200, 200]
    # Its manifest stays, too, or `likeness gc` would take it for a leftover.
    folder = {shared["url"].partition("?")[0].rpartition("/")[2], "manifest.json"}
    assert folder < place.left(job)
    assert len(place.left(job)) == 3
    assert place.numbers() == 1
    # The last one that has it takes it along.
    place.erase(heir)
    place.sweep()
    assert [status_of(image["url"]) for image in images] == [404, 404]
    with place.api.services.database.read() as session:
        assert session.scalars(select(AssetRow.asset_id)).all() == []


def test_it_waits_for_the_end_of_a_running_job(place: Place) -> None:
    _, source, _ = place.persona()
    started = place.api.clone(source)
    job = message_of(place.store, started["jobId"])
    lease = begin(place.store, job)
    place.storage.put_image(place.storage.keys.image_key(job, "front"), PNG, "image/png")
    place.erase(started["influencerId"])
    place.sweep()
    assert place.left(job), "a worker would go on to store"
    place.store.end_canceled(lease)
    place.api.services.landing.land(place.store.get(job.job_id))
    place.sweep()
    assert place.left(job) == set()
    assert place.erase(started["influencerId"]) == "deleted"


def test_it_can_be_asked_for_long_after_the_influencer_was_deleted(place: Place) -> None:
    _, source, _ = place.persona()
    clone, job = place.cloned(source)
    deleted = place.api.call("DELETE", f"/v1/influencers/{clone}").json()
    assert "images" not in deleted
    place.sweep()
    assert len(place.left(job)) == 6, "nobody asked for it"
    error_of(place.api.call("DELETE", f"/v1/influencers/{clone}"), 404, "NOT_FOUND")
    again = place.api.call("DELETE", f"/v1/influencers/{clone}?images=true").json()
    assert again == deleted | {"images": "deleting"}
    place.sweep()
    assert place.left(job) == set()


def test_what_is_interrupted_goes_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source, _ = place.persona()
    clone, job = place.cloned(source)
    urls = [image["url"] for image in place.api.row(clone)["referenceImages"]]
    place.erase(clone)
    erase = MediaLibrary.erase

    def fail(library: MediaLibrary, jobs: Iterable[Job], gone: Iterable[str], kept: Iterable[str]) -> None:
        library._storage.delete(next(iter(gone)))
        raise StorageError("The object store can't be reached.")

    monkeypatch.setattr(MediaLibrary, "erase", fail)
    place.sweep()
    assert place.erase(clone) == "deleting"
    assert sorted(map(status_of, urls)) == [200, 404]
    monkeypatch.setattr(MediaLibrary, "erase", erase)
    place.sweep()
    assert [status_of(url) for url in urls] == [404, 404]
    assert place.left(job) == set()
    assert place.erase(clone) == "deleted"


def test_nobody_else_can_ask_for_it_and_nobody_elses_images_go(place: Place, stranger: Api) -> None:
    _, source, _ = place.persona()
    clone, job = place.cloned(source)
    # An id is unique in its organisation only.
    theirs = replace(place, api=stranger)
    project = stranger.project()
    asset = add(stranger, project, picture()).json()["assetId"]
    stranger.influencer(project, influencerId=clone, referenceImages={"assetIds": [asset]})
    error_of(stranger.call("DELETE", f"/v1/influencers/{source}?images=true"), 404, "NOT_FOUND")
    place.sweep()
    assert place.api.row(source)["status"] == "ready"
    theirs.erase(clone)
    place.sweep()
    assert len(place.left(job)) == 6
    assert place.numbers() == 2
    assert place.api.row(clone)["status"] == "ready"
    error_of(stranger.call("GET", f"/v1/media/{asset}"), 404, "NOT_FOUND")
