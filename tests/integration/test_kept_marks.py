"""Marks that are carried from clone to clone: whatever a worker stores, a worker can read."""

from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from random import Random

import pytest
from PIL import Image

from models.derived import seed_of
from models.job import CloneJob, ReferenceSource
from tests.support.jobs.stored import make_job
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.mark.inspection import inspect_image
from worker.mark.signer import ImageSigner
from worker.mark.statement import Origin, Statement
from worker.references.fetch import FetchedReferences, ReferenceFetcher
from worker.render.messages import ImageDone
from worker.run.imagestore import ImageStore
from worker.run.shots import Made
from worker.storage import Storage

MEBI = 1024 * 1024
PHOTOGRAPHS = 20
RANDOM = Random(19)


@pytest.fixture
def fetcher(settings: Settings, storage: Storage) -> Iterator[ReferenceFetcher]:
    with ThreadPoolExecutor(4) as threads:
        yield ReferenceFetcher(settings, storage, threads)


def photograph(signer: ImageSigner) -> bytes:
    """Signed by a camera, with a history of 200 kB."""
    buffer = BytesIO()
    Image.new("RGB", (96, 96), "teal").save(buffer, "PNG")
    history = {"label": "org.example.history", "data": {"of": b64encode(RANDOM.randbytes(160_000)).decode()}}
    camera = {"claim_generator_info": [{"name": "camera"}], "assertions": [history]}
    return signer.sign(buffer.getvalue(), "image/png", Statement(camera))


def clone_of(storage: Storage, pictures: list[bytes]) -> CloneJob:
    """A job whose references these are, in the media library."""
    job = make_job()
    sources = []
    for number, data in enumerate(pictures):
        source = ReferenceSource(asset_id=f"med_{job.job_id}-{number}")
        storage.put_image(storage.keys.media_key(job.project_id, source.asset_id), data, "image/png", {})
        sources.append(source)
    return job.model_copy(update={"references": tuple(sources)})


def stored(
    settings: Settings, storage: Storage, job: CloneJob, references: FetchedReferences
) -> tuple[bytes, bytes]:
    """An image of the job as a worker stores it, and its thumbnail."""
    picture = RawImage.of(Image.linear_gradient("L").convert("RGB"))
    done = ImageDone("front", seed_of(job.job_id, "front"), picture)
    image = ImageStore(settings, storage).put(
        job, Made(done, Origin(references.ingredients)), confirm=lambda: None
    )
    return storage.get(image.key, 64 * MEBI), storage.get(image.thumbnail_key, 64 * MEBI)


def test_a_clone_of_a_clone_of_signed_photographs_can_be_cloned(
    settings: Settings, storage: Storage, fetcher: ReferenceFetcher
) -> None:
    signer = ImageSigner.from_settings(settings)
    assert signer
    pictures = [photograph(signer) for _ in range(PHOTOGRAPHS)]

    for generation in range(3):
        job = clone_of(storage, pictures)
        references = fetcher.fetch(job, lambda: None)
        assert references.rejected == (), generation
        image, thumbnail = stored(settings, storage, job, references)
        assert len(thumbnail) < 64 * 1024
        assert len(image) < 2 * MEBI
        for data in (image, thumbnail):
            found = inspect_image(data)
            assert found.verdict == "valid"
            assert len(found.ingredients) == PHOTOGRAPHS
            # Those without their mark are named by their hash.
            assert all(one.description and one.description.startswith("SHA-256") for one in found.ingredients)
        carried = sum(one.has_mark for one in inspect_image(image).ingredients)
        assert 0 < carried < PHOTOGRAPHS if generation == 0 else carried <= PHOTOGRAPHS
        assert not any(one.has_mark for one in inspect_image(thumbnail).ingredients)
        # Each of the next clone's references is an image of this one, signed by itself.
        pictures = [stored(settings, storage, job, references)[0] for _ in range(PHOTOGRAPHS)]
