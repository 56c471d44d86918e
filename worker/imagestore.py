"""A job's images in the object store: put, found again, accounted for, removed."""

from hashlib import sha256
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from models.derived import asset_id_of, seed_of
from models.errors import NotFound
from models.job import CloneJob
from models.manifest import Manifest
from models.record import StoredImage
from worker.images import encode_png, encode_thumbnail, from_raw
from worker.render.messages import ImageDone
from worker.settings import Settings
from worker.storage import Storage

# More than any image that a profile makes, in bytes.
_MOST_BYTES = 256 * 1024 * 1024


class ImageStore:
    """Methods raise StorageError."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self._storage = storage
        self._thumbnail_size = settings.thumbnail_size

    def put(self, job: CloneJob, done: ImageDone) -> StoredImage:
        """Encode and store an image and its thumbnail."""
        image = from_raw(done.image)
        return self._account(job, done.shot, encode_png(image), image, put_image=True)

    def find(self, job: CloneJob, shot: str) -> StoredImage | None:
        """The image that an earlier attempt stored, read back and checked. None if it is missing or broken."""
        try:
            png = self._storage.get(self._storage.keys.image_key(job, shot), max_bytes=_MOST_BYTES)
            image = Image.open(BytesIO(png), formats=["PNG"])
            image.load()
        except (NotFound, UnidentifiedImageError, OSError, SyntaxError):
            return None
        # The hash is taken from the bytes: not every S3 server keeps metadata.
        return self._account(job, shot, png, image, put_image=False)

    def put_manifest(self, job: CloneJob, manifest: Manifest) -> tuple[str, str]:
        """Store the manifest, which commits the job's images. Returns its key and URL."""
        key = self._storage.keys.manifest_key(job)
        self._storage.put_json(key, manifest.to_json())
        return key, self._storage.url(key)

    def remove(self, job: CloneJob) -> None:
        """Delete all that the job stored."""
        self._storage.delete_prefix(self._storage.keys.job_prefix(job))

    def _account(
        self, job: CloneJob, shot: str, png: bytes, image: Image.Image, *, put_image: bool
    ) -> StoredImage:
        keys, seed = self._storage.keys, seed_of(job.job_id, shot)
        key, thumbnail_key = keys.image_key(job, shot), keys.thumbnail_key(job, shot)
        thumbnail = encode_thumbnail(image, self._thumbnail_size)
        stored = StoredImage(
            shot=shot,
            asset_id=asset_id_of(job.job_id, shot),
            key=key,
            thumbnail_key=thumbnail_key,
            url=self._storage.url(key),
            thumbnail_url=self._storage.url(thumbnail_key),
            sha256=sha256(png).hexdigest(),
            thumbnail_sha256=sha256(thumbnail).hexdigest(),
            bytes=len(png),
            width=image.width,
            height=image.height,
            seed=seed,
        )
        metadata = {"job-id": job.job_id, "asset-id": stored.asset_id, "shot": shot, "seed": str(seed)}
        # The thumbnail goes first: where the image is, its thumbnail is too.
        if put_image:
            self._storage.put_image(thumbnail_key, thumbnail, "image/webp", metadata)
            self._storage.put_image(key, png, "image/png", metadata)
        return stored
