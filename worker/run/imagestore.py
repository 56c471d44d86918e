"""Signs a job's images and stores them, finds them again, writes their manifest, and removes them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from io import BytesIO

from PIL import Image

from models.derived import asset_id_of
from models.errors import NotFound, ObjectTooLarge, SigningHung, UnreadableDocument
from models.job import Job
from models.likeness import Judgement
from models.manifest import Manifest
from models.record import StoredImage
from models.source_type import SourceType
from models.watermark import HiddenNumber
from worker.base.pictures import EncodedImage, decode, encode, encode_with
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.base.watchdog import Watchdog
from worker.mark.bounds import by_hash
from worker.mark.inspection import inspect_image, is_intact
from worker.mark.signer import ImageSigner
from worker.mark.statement import Origin, Picture, statement
from worker.run.shots import Made
from worker.storage import Storage
from worker.storage.fence import fenced
from worker.storage.manifests import read_manifest
from worker.storage.watermarks import WatermarkIndex

# More than any image that a profile makes, in bytes.
_MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that an earlier attempt stored."""

    stored: StoredImage
    png: bytes

    def pixels(self) -> RawImage:
        with Image.open(BytesIO(self.png)) as image:
            return RawImage.of(image.convert("RGB"))


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """Where a try that missed is kept."""

    key: str
    url: str


class ImageStore:
    """Jobs' images in the object store. Methods raise StorageError. Those that write for a job that isn't final yet
    take `confirm`, called right before each request: it raises unless the job is still this worker's."""

    def __init__(self, settings: Settings, storage: Storage, watchdog: Watchdog | None = None) -> None:
        """Raises SignerUnfit."""
        self._watchdog = watchdog or Watchdog()
        self._watermarks = WatermarkIndex(storage)
        self._sign_timeout = settings.sign_timeout
        self._storage = storage
        self._signer = ImageSigner.from_settings(settings)
        self._thumbnail_size = settings.thumbnail_size

    def check_signer(self) -> None:
        """Sign a trial image. Raises SignerUnfit, or SigningFailed."""
        if self._signer:
            self._watchdog.call(self._signer.check, self._sign_timeout, self._signing_hung())

    @property
    def signer_ends(self) -> datetime | None:
        """When the signer's certificate ends; None if nothing is signed."""
        return self._signer.credentials.certificate.not_valid_after_utc if self._signer else None

    def put(
        self, job: Job, made: Made, confirm: Callable[[], None], *, judgement: Judgement | None = None
    ) -> StoredImage:
        """Encodes, signs and stores an image and its thumbnail. Raises SigningFailed."""
        encoded, picture = self._encoded(made), _picture(made)
        if self._signer:
            thumbnail = replace(picture, kind="thumbnail")
            encoded = replace(
                encoded,
                png=self._sign(encoded.png, picture, job, made.origin),
                thumbnail=self._sign(encoded.thumbnail, thumbnail, job, made.origin),
            )
        stored = self._describe(job, picture, encoded).model_copy(
            update={"judgement": judgement, "safety": made.safety}
        )
        metadata = _metadata(job, picture)
        # The thumbnail goes first, so that an image in the store always has one.
        with fenced(confirm):
            self._storage.put_image(stored.thumbnail_key, encoded.thumbnail, "image/webp", metadata)
            self._storage.put_image(stored.key, encoded.png, "image/png", metadata)
        return stored

    def put_evidence(self, job: Job, made: Made, confirm: Callable[[], None]) -> KeptEvidence:
        """Stores an image that missed the likeness, marked like the rest. Raises SigningFailed."""
        png, picture = self._encoded(made).png, replace(_picture(made), kind="evidence")
        if self._signer:
            png = self._sign(png, picture, job, made.origin)
        key = self._storage.keys.evidence_key(job, picture.shot)
        with fenced(confirm):
            self._storage.put_image(key, png, "image/png", _metadata(job, picture))
        return KeptEvidence(key, self._storage.url(key))

    def find(self, job: Job, shot: str) -> FoundImage | None:
        """Reads back the image that an earlier attempt stored, whole; it isn't signed again. None if it is missing
        or broken, if it was stored while signing was off and it is on now, or if its seed or type is unknown."""
        keys = self._storage.keys
        try:
            png = self._storage.get(keys.image_key(job, shot), max_bytes=_MOST_BYTES)
            thumbnail = self._storage.get(keys.thumbnail_key(job, shot), max_bytes=_MOST_BYTES)
            encoded = decode(png, thumbnail)
        except (NotFound, ValueError):
            return None
        if self._signer and not (is_intact(png, "image/png") and is_intact(thumbnail, "image/webp")):
            return None
        picture = self._picture_of(job, shot, png)
        return None if picture is None else FoundImage(self._describe(job, picture, encoded), png)

    def put_manifest(self, job: Job, manifest: Manifest, confirm: Callable[[], None]) -> None:
        """Stores the manifest, which commits the job's images, after the entries by which their watermarks lead to
        it."""
        with fenced(confirm):
            self._watermarks.add(job, manifest.images)
            self._storage.put_json(self._storage.keys.manifest_key(job), manifest.to_json())

    def find_manifest(self, job: Job) -> Manifest | None:
        """The manifest under the job's id. None if it is missing or can't be read."""
        try:
            return read_manifest(self._storage, self._storage.keys.manifest_key(job))
        except (NotFound, ObjectTooLarge, UnreadableDocument):
            return None

    def manifest_place(self, job: Job) -> tuple[str, str]:
        """The manifest's key, and its URL."""
        key = self._storage.keys.manifest_key(job)
        return key, self._storage.url(key)

    def linked(self, image: StoredImage) -> StoredImage:
        """The same image with fresh URLs, since signed ones expire."""
        urls = {"url": self._storage.url(image.key), "thumbnail_url": self._storage.url(image.thumbnail_key)}
        return image.model_copy(update=urls)

    def discard(self, job: Job, shot: str, confirm: Callable[[], None]) -> None:
        """Delete a shot's image and its thumbnail."""
        keys = self._storage.keys
        with fenced(confirm):
            self._storage.delete(keys.image_key(job, shot), keys.thumbnail_key(job, shot))

    def remove_evidence(self, job: Job, confirm: Callable[[], None]) -> None:
        """Deletes the evidence of missed shots that an unfinished attempt kept."""
        with fenced(confirm):
            self._storage.delete_prefix(self._storage.keys.evidence_prefix(job))

    def remove(self, job: Job, *, keep_evidence: bool = False) -> None:
        """Deletes all that the job stored, evidence included unless `keep_evidence`."""
        keys = self._storage.keys
        self._storage.delete_prefix(
            keys.job_prefix(job), but=keys.evidence_prefix(job) if keep_evidence else None
        )

    def _encoded(self, made: Made) -> EncodedImage:
        source_type = made.done.source_type
        if made.marked is None:
            return encode(made.image.to_image(), self._thumbnail_size, source_type)
        return encode_with(made.image.to_image(), made.marked.thumbnail.to_image(), source_type)

    def _sign(self, data: bytes, picture: Picture, job: Job, origin: Origin) -> bytes:
        assert self._signer
        is_thumbnail = picture.kind == "thumbnail"
        media_type = "image/webp" if is_thumbnail else "image/png"
        said = statement(job, picture, by_hash(origin) if is_thumbnail else origin)
        sign = partial(self._signer.sign, data, media_type, said)
        return self._watchdog.call(sign, self._sign_timeout, self._signing_hung())

    def _signing_hung(self) -> SigningHung:
        return SigningHung(
            f"An image could not be signed within {self._sign_timeout:g} s. Look at the service behind "
            "LIKENESS_SIGN_CALLBACK, and at the timestamp authority."
        )

    def _picture_of(self, job: Job, shot: str, png: bytes) -> Picture | None:
        """Describes an image by its own statement. If it is unsigned, its seed and number are in its object's
        metadata, which a store may have lost."""
        said = inspect_image(png)
        seed, hidden = (said.render or {}).get("seed"), said.signed_watermark
        if seed is None and (known := self._storage.head(self._storage.keys.image_key(job, shot))):
            seed, hidden = known.metadata.get("seed"), _hidden_of(known.metadata)
        source_type = said.source_type or said.xmp_source_type
        if seed is None or source_type not in list(SourceType):
            return None
        return Picture(shot, int(seed), SourceType(source_type), hidden=hidden)

    def _describe(
        self,
        job: Job,
        picture: Picture,
        encoded: EncodedImage,
    ) -> StoredImage:
        keys = self._storage.keys
        key, thumbnail_key = keys.image_key(job, picture.shot), keys.thumbnail_key(job, picture.shot)
        return StoredImage(
            shot=picture.shot,
            asset_id=asset_id_of(job.job_id, picture.shot),
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
            seed=picture.seed,
            digital_source_type=picture.source_type,
            watermark=picture.hidden,
        )


def _picture(made: Made) -> Picture:
    hidden = made.marked.hidden if made.marked else None
    return Picture(made.done.shot, made.done.seed, made.done.source_type, safety=made.safety, hidden=hidden)


def _metadata(job: Job, picture: Picture) -> dict[str, str]:
    metadata = {
        "job-id": job.job_id,
        "asset-id": asset_id_of(job.job_id, picture.shot),
        "shot": picture.shot,
        "seed": str(picture.seed),
    }
    if picture.hidden:
        metadata |= {"watermark-algorithm": picture.hidden.algorithm, "watermark": picture.hidden.number}
    return metadata


def _hidden_of(metadata: Mapping[str, str]) -> HiddenNumber | None:
    if "watermark" not in metadata or "watermark-algorithm" not in metadata:
        return None
    return HiddenNumber(algorithm=metadata["watermark-algorithm"], number=metadata["watermark"])
