"""Images with a watermark in the store, as tests want them."""

from io import BytesIO
from typing import Any

from PIL import Image

from models.derived import asset_id_of, seed_of
from models.job import Job
from models.manifest import Provenance
from models.record import JobResult
from worker.base.raw_image import RawImage
from worker.mark.statement import Origin
from worker.render.messages import ImageDone
from worker.run.commit import commit
from worker.run.imagestore import ImageStore
from worker.run.marking.marker import Marker
from worker.run.shots import Made
from worker.stack.samples import load_sample

SIDE = 320


def portrait(number: int = 0) -> RawImage:
    picture = Image.open(BytesIO(load_sample("maya")[1][number])).convert("RGB")
    return RawImage.of(picture.resize((SIDE, SIDE)))


def made(job: Job, marker: Marker, number: int = 0) -> Made:
    """The job's first shot, as the gates get it."""
    shot = job.shots[0]
    done = ImageDone(shot, seed_of(job.job_id, shot), portrait(number))
    return Made(done, Origin(), marker.mark(asset_id_of(job.job_id, shot), done.image))


def committed(images: ImageStore, job: Job, marker: Marker) -> JobResult:
    """The job as one that is over, with its first shot alone."""
    image = images.put(job, made(job, marker), confirm=lambda: None)
    nothing: dict[str, Any] = {"likeness": None, "safety": None}
    return commit(job, images, (image,), Provenance(), **nothing, confirm=lambda: None)


def stripped(data: bytes, quality: int = 85) -> bytes:
    """A picture, saved anew as a JPEG without any metadata."""
    file = BytesIO()
    with Image.open(BytesIO(data)) as image:
        image.convert("RGB").save(file, "JPEG", quality=quality)
    assert b"c2pa" not in file.getvalue()
    return file.getvalue()
