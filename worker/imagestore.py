"""A job's images in the object store: put, found again, accounted for, removed."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from models.derived import asset_id_of, seed_of
from models.errors import NotFound
from models.job import CloneJob
from models.manifest import Manifest
from models.record import StoredImage
from worker.images import EncodedImage, decode, encode
from worker.mark.inspection import is_intact
from worker.mark.signer import ImageSigner
from worker.mark.statement import Origin, statement
from worker.render.messages import ImageDone
from worker.settings import Settings
from worker.storage import Storage

# More than any image that a profile makes, in bytes.
_MOST_BYTES = 256 * 1024 * 1024


class ImageStore:
    """Methods raise StorageError."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        """Raises SignerUnfit."""
        self._storage = storage
        self._signer = ImageSigner.from_settings(settings)
        self._thumbnail_size = settings.thumbnail_size

    def check_signer(self) -> None:
        """Sign a trial image. Raises SignerUnfit, or SigningFailed."""
        if self._signer:
            self._signer.check()

    def put(self, job: CloneJob, done: ImageDone, origin: Origin, confirm: Callable[[], None]) -> StoredImage:
        """Encode, sign and store an image and its thumbnail. `confirm` is called before each write, and may
        raise. Raises SigningFailed."""
        encoded = encode(done.image.to_image(), self._thumbnail_size)
        if self._signer:
            encoded = _signed(self._signer, encoded, job, done, origin)
        stored = self._describe(job, done.shot, done.seed, encoded)
        metadata = {
            "job-id": job.job_id,
            "asset-id": stored.asset_id,
            "shot": done.shot,
            "seed": str(done.seed),
        }
        # The thumbnail goes first: where the image is, its thumbnail is too.
        confirm()
        self._storage.put_image(stored.thumbnail_key, encoded.thumbnail, "image/webp", metadata)
        confirm()
        self._storage.put_image(stored.key, encoded.png, "image/png", metadata)
        return stored

    def find(self, job: CloneJob, shot: str) -> StoredImage | None:
        """The image that an earlier attempt stored, read back whole and never signed again. None if it is missing
        or broken, or if it was stored while signing was off and no longer is."""
        keys = self._storage.keys
        try:
            png = self._storage.get(keys.image_key(job, shot), max_bytes=_MOST_BYTES)
            thumbnail = self._storage.get(keys.thumbnail_key(job, shot), max_bytes=_MOST_BYTES)
            encoded = decode(png, thumbnail)
        except (NotFound, ValueError):
            return None
        if self._signer and not (is_intact(png, "image/png") and is_intact(thumbnail, "image/webp")):
            return None
        return self._describe(job, shot, seed_of(job.job_id, shot), encoded)

    def put_manifest(self, job: CloneJob, manifest: Manifest) -> tuple[str, str]:
        """Store the manifest, which commits the job's images. Returns its key and URL."""
        key = self._storage.keys.manifest_key(job)
        self._storage.put_json(key, manifest.to_json())
        return key, self._storage.url(key)

    def remove(self, job: CloneJob) -> None:
        """Delete all that the job stored."""
        self._storage.delete_prefix(self._storage.keys.job_prefix(job))

    def _describe(self, job: CloneJob, shot: str, seed: int, encoded: EncodedImage) -> StoredImage:
        keys = self._storage.keys
        key, thumbnail_key = keys.image_key(job, shot), keys.thumbnail_key(job, shot)
        return StoredImage(
            shot=shot,
            asset_id=asset_id_of(job.job_id, shot),
            key=key,
            thumbnail_key=thumbnail_key,
            url=self._storage.url(key),
            thumbnail_url=self._storage.url(thumbnail_key),
            # From the bytes as they are: not every S3 server keeps the hash in the metadata.
            sha256=sha256(encoded.png).hexdigest(),
            thumbnail_sha256=sha256(encoded.thumbnail).hexdigest(),
            bytes=len(encoded.png),
            width=encoded.width,
            height=encoded.height,
            seed=seed,
        )


def _signed(
    signer: ImageSigner, encoded: EncodedImage, job: CloneJob, done: ImageDone, origin: Origin
) -> EncodedImage:
    def sign(data: bytes, media_type: str, *, thumbnail: bool) -> bytes:
        said = statement(job, done.shot, done.seed, origin, thumbnail=thumbnail)
        return signer.sign(data, media_type, said, origin.ingredients)

    return replace(
        encoded,
        png=sign(encoded.png, "image/png", thumbnail=False),
        thumbnail=sign(encoded.thumbnail, "image/webp", thumbnail=True),
    )
