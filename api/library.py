"""The media library's objects: uploaded pictures that passed their check, under keys that never change.

This is the only part of the API that uses the object store. The libraries it needs are imported with the first
picture.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from threading import Semaphore
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api.documents import MEDIA_TYPES
from api.rows.tables import UploadRow
from models.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    ObjectTooLarge,
    RateLimited,
    StorageError,
    UnusableReference,
)
from models.inspection import WatermarkedImage
from models.job import Job
from models.watermark import HiddenNumber
from worker.base.settings import Settings
from worker.storage import Storage
from worker.storage.watermarks import WatermarkIndex

if TYPE_CHECKING:
    from PIL.Image import Image

UPLOAD_FOR = 3600.0
"""How long an upload's URL works, in seconds."""

_BEGINNINGS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}
_ADVICE = f"Send one of these: {', '.join(MEDIA_TYPES)}."
# A picture at the pixel limit takes hundreds of megabytes while it is decoded. A caller that waits holds a thread.
_CHECKS_AT_ONCE = 2
_LONGEST_WAIT = 5.0
_DELETED_AT_ONCE = 1000  # The most that S3 takes in one request.


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a worker can use as a reference: its original bytes and a thumbnail."""

    data: bytes
    media_type: str
    thumbnail: bytes

    @property
    def sha256(self) -> str:
        return sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """The keys and URLs of a stored picture and its thumbnail."""

    key: str
    thumbnail_key: str
    url: str
    thumbnail_url: str


def is_picture(data: bytes) -> bool:
    """Whether the data begins like a PNG, JPEG or WebP file."""
    return media_type_of(data) is not None


def media_type_of(data: bytes) -> str | None:
    """The picture's media type, by how it begins. None for data that isn't a PNG, JPEG or WebP file."""
    return next((kind for kind, beginning in _BEGINNINGS.items() if data.startswith(beginning)), None)


class MediaLibrary:
    """Checks pictures and keeps them in the object store. Methods raise StorageError, and StorageRefused where no
    store is set up."""

    def __init__(self, settings: Settings) -> None:
        """Raises InvalidInput if the settings' key templates can't be used. Connects to nothing yet."""
        self.max_bytes = settings.reference_max_bytes
        self._settings = settings
        self._storage = Storage(settings)
        self._watermarks = WatermarkIndex(self._storage)
        self._checking = Semaphore(_CHECKS_AT_ONCE)

    def close(self) -> None:
        self._storage.close()

    def check(self, data: bytes, media_type: str) -> Picture:
        """Checks a picture by the rules for a job's references. Raises InvalidInput, with the reference's error
        code as its subcode, and RateLimited."""
        with self._turn():
            return self._checked(data, media_type)

    def check_upload(self, upload: UploadRow) -> Picture:
        """Checks the picture that was put to the upload's URL. Raises Conflict if there is none, and what `check`
        raises."""
        with self._turn():
            return self._checked(self._uploaded(upload), upload.media_type)

    def keep(self, project_id: str, asset_id: str, picture: Picture) -> KeptPicture:
        """Stores the picture and its thumbnail under the asset's keys. Doing so again changes nothing."""
        key = self._storage.keys.media_key(project_id, asset_id)
        thumbnail_key = self._storage.keys.media_thumbnail_key(project_id, asset_id)
        self._storage.put_image(thumbnail_key, picture.thumbnail, "image/webp")
        self._storage.put_image(key, picture.data, picture.media_type)
        return KeptPicture(key, thumbnail_key, self._storage.url(key), self._storage.url(thumbnail_key))

    def discard(self, kept: KeptPicture) -> None:
        """Deletes a kept picture that became no asset. If the store fails just now, it stays, and nothing refers
        to it."""
        with suppress(StorageError):
            self._storage.delete(kept.key, kept.thumbnail_key)

    def original(self, key: str) -> bytes:
        """The bytes of a picture that is kept, or that a job stored. Raises NotFound if it was deleted."""
        try:
            return self._storage.get(key, max_bytes=self.max_bytes)
        except NotFound:
            raise NotFound(
                "The asset's picture is no longer in the object store. GET /v1/projects/{projectId}/media lists a "
                "project's assets."
            ) from None

    def watermarked(self, hidden: HiddenNumber) -> tuple[WatermarkedImage, ...]:
        """The images with this number in their pixels, of all organisations."""
        return self._watermarks.find(hidden)

    def url(self, key: str) -> str:
        """A URL from which anybody can get the object, at least for a time."""
        return self._storage.url(key)

    def origins(self) -> frozenset[str]:
        """The origins of the URLs that `url` and `upload_url` give. Empty where no store is set up, or where the
        keys that sign can't be had just now."""
        try:
            urls = (self._storage.url("any"), self.upload_url("any", MEDIA_TYPES[0], 1))
        except StorageError:
            return frozenset()
        return frozenset(f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, urls))

    @property
    def upload_headers(self) -> Mapping[str, str]:
        """The headers that an upload must have besides its content type."""
        return self._storage.upload_headers

    def upload_url(self, asset_id: str, media_type: str, size: int) -> str:
        """A URL that takes a file of this type and size for `UPLOAD_FOR` seconds."""
        return self._storage.upload_url(self._storage.keys.upload_key(asset_id), media_type, size, UPLOAD_FOR)

    def discard_uploads(self, asset_ids: Iterable[str]) -> None:
        """Deletes the uploaded objects. The assets stay."""
        self._storage.delete(*(self._storage.keys.upload_key(asset_id) for asset_id in asset_ids))

    def erase(self, jobs: Iterable[Job], gone: Iterable[str], kept: Collection[str]) -> None:
        """Deletes the objects `gone`, and whatever is in the jobs' folders but the objects `kept`. A folder with
        one of these keeps its manifest, since `likeness gc` deletes what no manifest names. Doing so again changes
        nothing."""
        keys = list(gone)
        for job in jobs:
            found = [one.key for one in self._storage.list(self._storage.keys.job_prefix(job))]
            spared = set(kept).intersection(found)
            # Before the manifest goes, which says what is in the index.
            self._watermarks.remove(job, spared)
            if spared:
                spared.add(self._storage.keys.manifest_key(job))
            keys += [key for key in found if key not in spared]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            self._storage.delete(*keys[start : start + _DELETED_AT_ONCE])

    def _uploaded(self, upload: UploadRow) -> bytes:
        key = self._storage.keys.upload_key(upload.asset_id)
        try:
            data = self._storage.get(key, max_bytes=upload.size)
        except NotFound:
            raise Conflict(
                "Nothing was uploaded yet. PUT the picture to the uploadUrl first.", subcode="UPLOAD_MISSING"
            ) from None
        except ObjectTooLarge:
            data = b""
        if len(data) != upload.size:
            raise InvalidInput(
                f"The upload hasn't the {upload.size} bytes that were announced. PUT the whole picture again.",
                subcode="UPLOAD_SIZE_DIFFERS",
            )
        if upload.sha256 not in (None, sha256(data).hexdigest()):
            raise InvalidInput(
                "The upload has another SHA-256 than was announced, or than it had when it was checked first. "
                "PUT that picture again, or begin another upload.",
                subcode="UPLOAD_HASH_DIFFERS",
            )
        return data

    def _checked(self, data: bytes, media_type: str) -> Picture:
        from worker.base.pictures import thumbnail_of

        picture = self._decoded(data)
        # The picture is served under that type, and a browser may trust the type rather than the content.
        if not data.startswith(_BEGINNINGS[media_type]):
            raise InvalidInput(
                f"The picture isn't {media_type}. Name the type that it has. {_ADVICE}",
                subcode="MEDIA_TYPE_DIFFERS",
            )
        return Picture(data, media_type, thumbnail_of(picture, self._settings.thumbnail_size))

    def _decoded(self, data: bytes) -> "Image":
        from worker.references.decode import ADVICE, decode_reference
        from worker.references.limits import DecodeLimits

        try:
            return decode_reference(data, DecodeLimits.from_settings(self._settings))
        except UnusableReference as error:
            # A job accepts more kinds of pictures than the library serves.
            raise InvalidInput(error.message.replace(ADVICE, _ADVICE), subcode=error.code) from None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._checking.acquire(timeout=_LONGEST_WAIT):
            raise RateLimited("Many pictures are being checked just now. Try again.", retryAfter=1)
        try:
            yield
        finally:
            self._checking.release()
